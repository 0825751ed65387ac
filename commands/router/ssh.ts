import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { UserError } from "../../lib/errors.ts";
import { type Login, sshFailure, withSshArguments } from "../../lib/ssh.ts";

/** A POSIX shell at the other end of one SSH connection. */
export interface Shell {
  /** Runs a script in a subshell of its own and returns the lines it printed; fails with what it wrote to standard error. */
  run(script: string): Promise<string[]>;
}

const sessionMs = 60_000;

/**
 * Opens one SSH connection, lets `work` have its shell, and closes it. A script is run only when it has arrived whole,
 * so a connection that breaks leaves either all of its effects or none of them begun.
 */
export async function withShell<T>(
  login: Login,
  signal: AbortSignal | undefined,
  work: (shell: Shell) => Promise<T>,
): Promise<T> {
  return withSshArguments(login, "sh -s", (args) => converse(login, args, signal, work));
}

async function converse<T>(
  login: Login,
  args: string[],
  signal: AbortSignal | undefined,
  work: (shell: Shell) => Promise<T>,
): Promise<T> {
  const child = execa("ssh", args, {
    reject: false,
    stdin: "pipe",
    timeout: sessionMs,
    ...(signal && { cancelSignal: signal }),
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const run = async (script: string): Promise<string[]> => {
    const mark = randomUUID();
    child.stdin.write(`printf '%s\\n' ${mark}\n(\n${script}\n) </dev/null; printf '\\n%s %s\\n' ${mark} "$?"\n`);
    const answer = await readAnswer(lines, mark);
    if (answer?.status === 0) return answer.lines;
    child.stdin.end();
    const ended = await child;
    if (signal?.aborted) throw new UserError(`interrupted while talking to ${login.host}`);
    if (answer) throw new UserError(`${login.host} says: ${ended.stderr.trim()}`);
    throw new UserError(sshFailure("router", login, ended.timedOut ? "Connection timed out" : ended.stderr));
  };
  try {
    return await work({ run });
  } finally {
    child.stdin.end();
    await child;
  }
}

interface Answer {
  lines: string[];
  status: number;
}

/** Reads up to the end mark, leaving out what a login prints before the first one; undefined when the connection ended. */
async function readAnswer(lines: AsyncIterator<string>, mark: string): Promise<Answer | undefined> {
  const answer: string[] = [];
  let begun = false;
  for (;;) {
    const { value, done } = await lines.next();
    if (done) return undefined;
    if (value === mark) begun = true;
    else if (begun && value.startsWith(`${mark} `)) return { lines: answer, status: Number(value.slice(mark.length)) };
    else if (begun) answer.push(value);
  }
}
