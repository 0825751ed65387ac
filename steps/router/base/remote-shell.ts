import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { UserError } from "../../../lib/errors.ts";
import { type Login, sshFailure, withSshArguments } from "../../../lib/ssh.ts";
import { printable } from "../../../lib/words.ts";

/** A POSIX shell at the other end of one SSH connection. */
export interface Shell {
  /**
   * Runs a script in a subshell of its own and returns the lines it printed; fails with what it wrote to standard error,
   * and can run another one then, unless it was the connection that failed.
   */
  run(script: string): Promise<string[]>;
}

/** Two silences of what a script asks there, as of Kea, must fit in it, on a slow router, too. */
const sessionMs = 90_000;
const mostMebibytes = 8;

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
    maxBuffer: mostMebibytes << 20,
    ...(signal && { cancelSignal: signal }),
  });
  const reader = createInterface({ input: child.stdout });
  // After too much output, execa destroys the stream, and readline sees no end of it.
  child.stdout.once("close", () => reader.close());
  const lines = reader[Symbol.asyncIterator]();
  let broken: UserError | undefined;
  const run = async (script: string): Promise<string[]> => {
    if (broken) throw broken;
    const mark = randomUUID();
    child.stdin.write(framed(script, mark));
    const answer = await readAnswer(lines, mark);
    if (answer?.status === 0) return answer.lines;
    if (answer) throw new UserError(complaintOf(login.host, answer));
    child.stdin.end();
    const ended = await child;
    broken = new UserError(signal?.aborted ? `interrupted while talking to ${login.host}` : whyBroken(login, ended));
    throw broken;
  };
  try {
    return await work({ run });
  } finally {
    child.stdin.end();
    await child;
  }
}

function whyBroken(login: Login, { isMaxBuffer, timedOut, stderr }: Ended): string {
  if (isMaxBuffer)
    return `${login.host} answers with more than ${mostMebibytes} MiB, so its shell is none that piinit can talk to: log in by hand and look.`;
  return sshFailure("router", login, timedOut ? "Connection timed out" : stderr);
}

interface Ended {
  isMaxBuffer: boolean;
  timedOut: boolean;
  stderr: string;
}

function complaintOf(host: string, { errors, status }: Answer): string {
  const said = printable(errors.join("\n").trim()) || `a script ended with status ${status}`;
  const isFull = /no space left|quota exceeded/i.test(said);
  return `${host} says: ${said}${isFull ? "\nMake room on its disk, and run the same command again." : ""}`;
}

/** The script in a frame that shows where its lines begin and end, with its exit status, and what it complained of. */
function framed(script: string, mark: string): string {
  return [
    `printf '%s\\n' ${mark}`,
    "{ complaints=$( (",
    script,
    ") </dev/null 2>&1 1>&3 3>&- ); status=$?; } 3>&1",
    `printf '\\n%s %s\\n%s\\n%s\\n' ${mark} "$status" "$complaints" ${mark}`,
    "",
  ].join("\n");
}

interface Answer {
  lines: string[];
  errors: string[];
  status: number;
}

/** Reads up to the end mark, leaving out what a login prints before the first one; undefined when the connection ended. */
async function readAnswer(lines: AsyncIterator<string>, mark: string): Promise<Answer | undefined> {
  const answer: Answer = { lines: [], errors: [], status: 0 };
  let part: "lines" | "errors" | undefined;
  for (;;) {
    const { value, done } = await lines.next();
    if (done) return undefined;
    if (value === mark && part === "errors") return answer;
    if (value === mark) part = "lines";
    else if (part === "lines" && value.startsWith(`${mark} `)) {
      answer.status = Number(value.slice(mark.length));
      part = "errors";
    } else if (part) answer[part].push(value);
  }
}
