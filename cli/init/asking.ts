import { readFile } from "node:fs/promises";
import path from "node:path";
import { UserError } from "../../lib/errors.ts";
import { isTerminal, question } from "../../lib/terminal.ts";
import { folded } from "../../lib/words.ts";

export interface Question {
  text: string;
  /** The option that answers it, as it is typed. */
  flag: string;
  /** What that option said. */
  given?: string | undefined;
  /** What Enter means, and what counts where nobody can be asked; undefined if there has to be an answer. */
  initial?: string | undefined;
  /** What is wrong with an answer. */
  check?: ((answer: string) => string | undefined) | undefined;
  /** Isn't shown; the option names a file that has it. */
  isSecret?: boolean;
}

/** Asks the user, unless an option has said it already. */
export interface Asker {
  ask(question: Question): Promise<string>;
  /** A question of one's own; `isTerminal` only. */
  line(text: string): Promise<string>;
  tell(lines: readonly string[]): void;
  isTerminal: boolean;
  /** Notes an option without which it can't go on. */
  lack(flag: string, what: string): void;
  /** @throws UserError naming all options that are missing because nobody can be asked */
  finish(): void;
}

const meaning = "Interrupted. Nothing was written.";

export function openAsker(stack: string): Asker {
  const missing: string[] = [];
  const terminal = isTerminal();
  return {
    isTerminal: terminal,
    tell: (lines) => void (terminal && tell(lines)),
    line: (text) => question(text, { meaning }),
    lack: (flag, what) => void missing.push(`  ${flag}  ${what}`),
    async ask(asked) {
      if (asked.given !== undefined) return fromOption(asked, asked.given);
      if (terminal) return askUser(asked);
      if (asked.initial === undefined) missing.push(`  ${asked.flag}  ${whatOf(asked)}`);
      return asked.initial ?? "";
    },
    finish() {
      if (missing.length === 0) return;
      throw new UserError(
        [`There is no terminal to ask in for what stack ${stack} needs. Add these options:`, ...missing].join("\n"),
      );
    },
  };
}

/** The last of several lines is a name, which the option has too. */
function whatOf({ text }: Question): string {
  const lines = text.split("\n");
  return (lines.length > 1 ? lines.slice(0, -1) : lines).join(" ");
}

async function fromOption({ flag, isSecret, check }: Question, given: string): Promise<string> {
  const value = isSecret ? await readSecret(given, flag) : given;
  const fault = check?.(value);
  if (fault === undefined) return value;
  throw new UserError(`${flag}: ${isSecret ? "what is in that file" : given} ${fault}`);
}

/** The first line of the file. */
async function readSecret(file: string, flag: string): Promise<string> {
  const text = await readFile(path.resolve(process.env.INIT_CWD ?? "", file), "utf8").catch(
    ({ code }: NodeJS.ErrnoException) => {
      throw new UserError(`${flag}: can't read that file (${code}); it must have the secret in its first line`);
    },
  );
  return text.split(/\r?\n/, 1)[0] ?? "";
}

async function askUser({ text, initial, isSecret = false, check }: Question): Promise<string> {
  const lines = text.split("\n");
  // A line editor draws its own line anew with each key: what stands above is written once.
  const prompt = `${lines.pop()}${initial ? ` [${initial}]` : ""}: `;
  tell(lines);
  for (;;) {
    const typed = await question(prompt, { hidden: isSecret, meaning });
    const answer = (isSecret ? typed : typed.trim()) || (initial ?? "");
    const isMissing = answer === "" && initial === undefined;
    const fault = isMissing ? "must not be empty" : answer === "" ? undefined : check?.(answer);
    if (fault === undefined) return answer;
    tell(folded(`It ${fault}`, 78));
  }
}

const tell = (lines: readonly string[]) => process.stderr.write(lines.map((line) => `${line}\n`).join(""));
