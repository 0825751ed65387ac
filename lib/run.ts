import { execa, type Options, type ResultPromise } from "execa";
import { Interrupted, UserError } from "./errors.ts";
import { quoteCommand } from "./shell.ts";

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Replaces the environment instead of adding to it. */
  cleanEnv?: boolean;
  /** Goes to the program's standard input; the only way for a secret. */
  input?: string | Uint8Array;
  /** A sentence of what to do, added to the error when the program fails. */
  hint?: string;
  signal?: AbortSignal;
  timeoutMs?: number;
  /** It removes its own files when it is asked to end, so it isn't killed for taking long over that. */
  cleansUp?: boolean;
  /** It has a session of its own, so that ^C reaches it through `signal` alone, and once. */
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
  const child = execa(program, args, settings);
  const [result] = await Promise.all([child, options.onLine && followLines(child, options.onLine)]);
  // A program of the same terminal may have ended of its own ^C before the signal reaches it.
  if (result.failed && options.signal?.reason instanceof Interrupted) throw options.signal.reason;
  if (result.failed) throw new UserError(failureMessage(program, args, result, options.hint));
  return String(result.stdout ?? "");
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

/** Programs that show progress write over their line again and again: each of these is a line. */
async function followLines(child: ResultPromise, onLine: (line: string) => void): Promise<void> {
  for await (const text of child.iterable({ from: "all" }))
    for (const line of String(text).split("\r")) if (line) onLine(line);
}
