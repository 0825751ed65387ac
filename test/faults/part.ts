import type { Random } from "../random.ts";

/** A line of the part's table. */
export interface Row {
  what: string;
  /** How often it was tried. */
  times: number;
  /** What went wrong, a sentence for each time: none is the goal. Undefined for what is only measured. */
  faults?: readonly string[];
  /** Of what is only measured. */
  measured?: string;
}

/** What a part gets from the command line. */
export interface Trial {
  random: Random;
  /** How often, instead of the part's own number. */
  times: number | undefined;
  /** Aborted by ^C: the part cleans up, and fails. */
  signal: AbortSignal;
  /** Tells on the screen how far it is. */
  say(line: string): void;
}

/** Tries one part of the product, and returns its table. */
export type Part = (trial: Trial) => Promise<Row[]>;

/** Rows as a Markdown table. */
export function tableOf(rows: readonly Row[]): string {
  return [
    "| What | Times | Measured | Goal |",
    "|---|---|---|---|",
    ...rows.map(({ what, times, faults, measured }) => {
      const [found, goal] = faults ? [`${faults.length} wrong`, "0 wrong"] : [measured, ""];
      return `| ${what} | ${times} | ${found} | ${goal} |`;
    }),
    "",
  ].join("\n");
}

/** "1.2 / 3.4 / 5.6 / 7.8 s": least, median, nine of ten, most. */
export function distributionOf(seconds: readonly number[]): string {
  const sorted = seconds.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.ceil(share * (sorted.length - 1))] ?? Number.NaN).toFixed(1);
  return `${[0, 0.5, 0.9, 1].map(at).join(" / ")} s`;
}

/** Does all tasks, that many at a time; the first failure ends it once the tasks that run have ended. */
export async function inTurn<Task>(
  tasks: readonly Task[],
  atOnce: number,
  work: (task: Task, worker: number) => Promise<void>,
): Promise<void> {
  const waiting = [...tasks];
  const workers = Array.from({ length: atOnce }, async (_, worker) => {
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) await work(task, worker);
  });
  const failed = (await Promise.allSettled(workers)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}
