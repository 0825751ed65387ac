import { setTimeout as sleep } from "node:timers/promises";
import { execa, type Options, type ResultPromise } from "execa";
import { Interrupted, UserError } from "./errors.ts";
import { quoteCommand } from "./shell.ts";
import { withParent } from "./with-parent.ts";

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Replaces the environment instead of adding to it. */
  cleanEnv?: boolean;
  /** The program's standard input; the only way to pass a secret. */
  input?: string | Uint8Array;
  /** A sentence on what to do, added to the error if the program fails. */
  hint?: string;
  signal?: AbortSignal;
  timeoutMs?: number;
  /** The program removes its own files on SIGTERM, so it isn't killed if that takes long. */
  cleansUp?: boolean;
  /** The program gets its own session, so that ^C reaches it only through `signal`, and once. It is asked to end when this process dies. */
  ownSession?: boolean;
  /** Called with each line that the program prints, on either stream. */
  onLine?: (line: string) => void;
}

const lastLines = 12;

/**
 * Runs a program without a shell and returns its standard output.
 * Fails with a UserError that holds the command ready to paste, its exit and its last lines; with the signal's reason when
 * that is an interruption.
 */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const settings: Options = {
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    env: options.env ?? {},
    extendEnv: !options.cleanEnv,
    reject: false,
    all: true,
    stdin: options.input === undefined ? "ignore" : "pipe",
    ...(options.input !== undefined && { input: options.input }),
    ...(options.signal && { cancelSignal: options.signal }),
    ...(options.timeoutMs !== undefined && { timeout: options.timeoutMs }),
    ...(options.cleansUp && { forceKillAfterDelay: false }),
    ...(options.ownSession && { detached: true }),
  };
  const [first, ...rest] = options.ownSession ? withParent(program, args) : [program, ...args];
  const child = execa(first, rest, settings);
  if (options.ownSession) sessions.add(child);
  const [result] = await Promise.all([child, options.onLine && followLines(child, options.onLine)]);
  // Pulumi is gone a moment before its plugins are.
  if (options.ownSession) await sessionsEnd([child]);
  sessions.delete(child);
  // The terminal's ^C may have ended the program before our signal reached it.
  if (result.failed && options.signal?.reason instanceof Interrupted) throw options.signal.reason;
  if (result.failed) throw new UserError(failureMessage(program, args, result, options.hint));
  return String(result.stdout ?? "");
}

/** The programs with sessions of their own, which no ^C of the terminal reaches. */
const sessions = new Set<ResultPromise>();

const endMs = 5000;

/** Asks these programs once more to end, which to Pulumi means at once, and waits for all of their sessions' processes. */
export async function endSessions(): Promise<void> {
  const children = [...sessions];
  for (const child of children) child.kill("SIGTERM");
  await sessionsEnd(children);
}

async function sessionsEnd(children: readonly ResultPromise[]): Promise<void> {
  const deadline = performance.now() + endMs;
  while (children.some(hasProcesses) && performance.now() < deadline) await sleep(50);
}

function hasProcesses({ pid }: ResultPromise): boolean {
  try {
    return pid !== undefined && process.kill(-pid, 0);
  } catch {
    return false;
  }
}

interface Outcome {
  exitCode?: number | undefined;
  signal?: string | undefined;
  timedOut: boolean;
  isCanceled: boolean;
  all?: unknown;
  shortMessage?: string | undefined;
}

function failureMessage(program: string, args: readonly string[], outcome: Outcome, hint?: string): string {
  const how = outcome.isCanceled
    ? "was interrupted"
    : outcome.timedOut
      ? "took too long and was ended"
      : outcome.signal
        ? `was ended by ${outcome.signal}`
        : outcome.exitCode === undefined
          ? `could not be started (${outcome.shortMessage ?? "unknown reason"})`
          : `failed with exit code ${outcome.exitCode}`;
  const tail = String(outcome.all ?? "")
    .trimEnd()
    .split("\n")
    .slice(-lastLines);
  return [`\`${quoteCommand(program, args)}\` ${how}`, ...tail.filter(Boolean).map((line) => `  ${line}`), hint]
    .filter(Boolean)
    .join("\n");
}

/** Programs that show progress overwrite their line with carriage returns: each version counts as a line. */
async function followLines(child: ResultPromise, onLine: (line: string) => void): Promise<void> {
  for await (const text of child.iterable({ from: "all" }))
    for (const line of String(text).split("\r")) if (line) onLine(line);
}
