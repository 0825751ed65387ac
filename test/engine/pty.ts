import { execa } from "execa";
import { quoteCommand } from "../../lib/shell.ts";
import { until } from "./agents.ts";

export const ctrlC = "\x03";
export const ctrlD = "\x04";

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
