import { closeSync, openSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { describeError, Interrupted } from "./errors.ts";
import { withParent } from "./with-parent.ts";

/** A shell's exit code for a program that ^C has ended. */
const interruptedExit = 130;

const interruption = new AbortController();

/** The program that currently has the terminal. */
let owner: { kill(signal: NodeJS.Signals): void; wasSignalled: boolean } | undefined;

/**
 * Aborted with an Interrupted by ^C or a plain kill: work in progress then ends its children, undoes what is
 * unfinished, and fails with that reason.
 */
export const interrupted: AbortSignal = interruption.signal;

/**
 * Makes ^C and plain kills interrupt the work instead of ending this process; a second one ends it at once, a third one without
 * waiting for the programs that it runs. So does a reader of the output that has gone, such as `head`.
 */
export function handleSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => attend(signal));
  for (const stream of [process.stdout, process.stderr]) stream.on("error", interruptIfUnread);
}

function interruptIfUnread(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
  interruption.abort(new Interrupted());
}

function attend(signal: NodeJS.Signals): void {
  if (owner) {
    owner.wasSignalled = true;
    // The terminal sends ^C to all foreground programs itself, and Pulumi takes a second one to mean "at once".
    if (signal !== "SIGINT" || !hasTerminal()) owner.kill(signal);
    return;
  }
  // Ends the line on which the terminal shows ^C.
  if (signal === "SIGINT" && process.stderr.isTTY) process.stderr.write("\n");
  if (!interrupted.aborted) interruption.abort(new Interrupted());
  else if (isLeaving) process.exit(interruptedExit);
  else void leave();
}

let isLeaving = false;

/** Ends this process at once, but not before the programs that it runs. */
async function leave(): Promise<void> {
  isLeaving = true;
  // Loaded here: it takes longer to load than all else that `./piinit --help` needs.
  const { endSessions } = await import("./run.ts");
  await endSessions();
  process.stderr.write(`${describeError(new Interrupted())}\n`);
  process.exit(interruptedExit);
}

/** For work that ignores `interrupted` and leaves nothing unfinished: abandons it on ^C. */
export function unlessInterrupted<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(interrupted.reason);
    interrupted.addEventListener("abort", giveUp, { once: true });
    if (interrupted.aborted) giveUp();
    work.then(resolve, reject).finally(() => interrupted.removeEventListener("abort", giveUp));
  });
}

/** Whether a terminal sends its ^C to this process, wherever standard input comes from. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}

/** Shows an error and sets the exit code unless the command has. The only place for both. */
export function reportError(error: unknown): void {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode ||= error instanceof Interrupted ? interruptedExit : 1;
  // All work has ended cleanly, but abandoned work may still be waiting for an answer.
  if (error instanceof Interrupted) process.exit();
}

/** Whether the user can be asked. */
export const isTerminal = (): boolean => Boolean(process.stdin.isTTY && process.stderr.isTTY);

/**
 * Asks the user on the terminal; a hidden answer isn't shown.
 * @throws Interrupted on ^C and ^D, with `meaning` as its message
 */
export async function question(text: string, { hidden = false, meaning = "Interrupted." } = {}): Promise<string> {
  interrupted.throwIfAborted();
  const output = hidden ? new Writable({ write: (_chunk, _encoding, done) => done() }) : process.stderr;
  const terminal = createInterface({ input: process.stdin, output, terminal: true });
  const close = () => terminal.close();
  interrupted.addEventListener("abort", close);
  if (hidden) process.stderr.write(text);
  try {
    return await new Promise((resolve, reject) => {
      terminal.on("SIGINT", close);
      terminal.on("close", () => reject(new Interrupted(meaning)));
      terminal.question(text).then(resolve, reject);
    });
  } catch (error) {
    process.stderr.write("\n");
    throw error;
  } finally {
    if (hidden) process.stderr.write("\n");
    interrupted.removeEventListener("abort", close);
    terminal.close();
  }
}

/** Asks a yes-or-no question; everything except yes counts as no. */
export async function confirm(text: string): Promise<boolean> {
  return /^y(es)?$/i.test((await question(`${text} [y/N] `)).trim());
}

/**
 * Runs a program with the terminal: its display, its questions, its ^C. Returns its exit code.
 * If this process is killed, the program is asked to end.
 * @throws Interrupted if the program fails after ^C
 */
export async function foreground(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<number> {
  // Loaded here: it takes longer to load than all else that `./piinit --help` needs.
  const { execa } = await import("execa");
  interrupted.throwIfAborted();
  const [first, ...rest] = withParent(program, args);
  const child = execa(first, rest, { ...options, stdio: "inherit", reject: false });
  const mine = { kill: (signal: NodeJS.Signals) => void child.kill(signal), wasSignalled: false };
  owner = mine;
  const { exitCode, failed, shortMessage } = await child.finally(() => {
    owner = undefined;
  });
  if (failed && mine.wasSignalled) throw new Interrupted();
  if (exitCode === undefined) throw new Error(shortMessage);
  return exitCode;
}
