import { text } from "node:stream/consumers";
import { describeError, Interrupted } from "./errors.ts";
import { type Progress, progressOnStderr } from "./progress.ts";
import { finishOrReport } from "./unfinished.ts";

export interface Context {
  progress: Progress;
  /** Aborted by ^C or a plain kill, so that unfinished work can be undone. */
  signal: AbortSignal;
}

/** One verb of a program that a Command resource runs: JSON in, JSON (or nothing) out. */
export type Verb = (input: unknown, context: Context) => Promise<unknown>;

/** Reads a program's input; one that goes on reading may interrupt the work. */
export type ReadInput = (interrupt: AbortController) => Promise<string>;

const allOfStdin: ReadInput = () => text(process.stdin);

/**
 * Runs the verb named by the first argument with the JSON on standard input,
 * and prints what it returns as one line of JSON on standard output.
 * An error goes to standard error, with exit code 1.
 */
export function main(verbs: Record<string, Verb>, readInput: ReadInput = allOfStdin): Promise<void> {
  return finishOrReport(runVerb(verbs, readInput));
}

async function runVerb(verbs: Record<string, Verb>, readInput: ReadInput): Promise<void> {
  const interrupt = new AbortController();
  // Not `once`: with no handler left after the first call, execa would end the process before the clean-up is done.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupt.abort(new Interrupted()));
  onParentsEnd(() => interrupt.abort(new Interrupted()));
  try {
    const name = process.argv[2] ?? "";
    const verb = verbs[name];
    if (!verb) throw new Error(`unknown verb "${name}", known: ${Object.keys(verbs).join(", ")}`);
    const input: unknown = JSON.parse(await readInput(interrupt));
    const output = await verb(input, { progress: progressOnStderr(), signal: interrupt.signal });
    if (output !== undefined) process.stdout.write(`${JSON.stringify(output)}\n`);
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`);
    process.exitCode = 1;
  }
}

const lookMs = 500;

/** Pulumi's own command plugin kills only the shell that runs a program, so the program must notice that itself. */
function onParentsEnd(end: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    end();
  }, lookMs);
  timer.unref();
}
