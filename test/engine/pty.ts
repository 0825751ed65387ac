import { execa } from "execa";
import { quoteCommand } from "../../lib/shell.ts";
import { until } from "./agents.ts";

export const ctrlC = "\x03";
export const ctrlD = "\x04";

/** Programs such as Pulumi ask for the colours of the terminal, and then for this, and wait five seconds for an answer. */
const whereIsTheCursor = "\x1b[6n";
const topLeft = "\x1b[1;1R";

/** A program in a terminal of its own, which sends ^C to all programs in its foreground as a person's does. */
export interface Terminal {
  /** All that the terminal has shown so far. */
  shown(): string;
  shows(pattern: RegExp): Promise<void>;
  type(keys: string): void;
  ended: Promise<{ exitCode: number | undefined; shown: string }>;
}

/** Through script(1), which every Debian has: Node.js can't make a terminal. */
export function inTerminal(
  program: string,
  args: readonly string[],
  options: { cwd: string; env: Record<string, string | undefined> },
): Terminal {
  const script = ["--quiet", "--return", "--flush", "--command", quoteCommand(program, args), "/dev/null"];
  // The shell that runs the command would be bash for root on some systems, with words of its own on ^C.
  const env = { ...options.env, SHELL: "/bin/sh" };
  const child = execa("script", script, { cwd: options.cwd, env, reject: false, all: true, stdin: "pipe" });
  let text = "";
  child.all.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (chunk.includes(whereIsTheCursor)) child.stdin.write(topLeft);
  });
  return {
    shown: () => text,
    shows: (pattern) =>
      until(`the terminal shows ${pattern}`, async () => pattern.test(text)).catch((error: unknown) => {
        throw new Error(`${error}:\n${text}`);
      }),
    type: (keys) => void child.stdin.write(keys),
    ended: child.then(({ exitCode, all }) => ({ exitCode, shown: all })),
  };
}

/** The same, in a terminal that is 80 characters wide. */
export const in80Columns: typeof inTerminal = (program, args, options) =>
  inTerminal("sh", ["-c", 'stty cols 80 rows 24; exec "$@"', "sh", program, ...args], options);

/** Types each answer once its question is shown. If one isn't, interrupts the program, so that nothing is left running. */
export async function answer(terminal: Terminal, answers: readonly (readonly [RegExp, string])[]): Promise<void> {
  try {
    for (const [question, keys] of answers) {
      const isShown = async () => question.test(readable(terminal.shown()));
      await until(`the terminal shows ${question}`, isShown, 180).catch((error: unknown) => {
        throw new Error(`${error}:\n${readable(terminal.shown())}`);
      });
      terminal.type(keys);
    }
  } catch (error) {
    terminal.type(ctrlC);
    throw error;
  }
}

/** What the terminal has shown, as a person sees it: without the codes that move the cursor. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are such codes.
export const readable = (shown: string): string => shown.replace(/\x1b\[[\d;]*[A-Za-z]|\r/g, "");
