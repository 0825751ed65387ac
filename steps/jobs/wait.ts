import { setTimeout as pause } from "node:timers/promises";
import { Interrupted, UserError } from "../../lib/errors.ts";
import { type Progress, reminding } from "../../lib/progress.ts";
import type { AskOptions } from "../agents.ts";
import { Servers } from "../servers.ts";
import type { Allocation } from "./answers.ts";
import type { RegisteredJob } from "./contract.ts";
import { type Judgement, judge } from "./judge.ts";
import { type Look, lastOutput, lookAtJob, lookAtNodes } from "./look.ts";
import { failureMessage, type IllTask } from "./report.ts";

/** How long things may take, milliseconds. */
const defaultTimes = {
  poll: 1000,
  /** Between two equal progress lines. */
  remind: 10_000,
  /** For what can't be placed as things are now. */
  stuck: 5000,
  /** For what Nomad sets no deadline. */
  start: 300_000,
  /** Without an answer from any server. */
  silence: 90_000,
};

export type Times = typeof defaultTimes;

/**
 * Waits until a job that was registered is healthy, and reports what it waits for. A deployment has its own deadline in
 * the job's file. Leader elections and servers that are off are waited out.
 * @throws UserError with Nomad's reasons, the task's last events and its last lines
 */
export async function awaitJob(
  job: RegisteredJob,
  progress: Progress,
  signal?: AbortSignal,
  times: Partial<Times> = {},
): Promise<{ health: string }> {
  const { poll, remind, stuck, start, silence } = { ...defaultTimes, ...times };
  const servers = new Servers("Nomad", job.servers, { poll, silence });
  const asker = { access: job.access, signal };
  const ask = <T>(question: (url: string) => Promise<T>) =>
    unlessInterrupted(job, signal, servers.ask(question, progress, signal));
  const tell = reminding(progress, remind);
  const began = performance.now();
  let stuckSince: number | undefined;
  for (;;) {
    const look = await ask((url) => lookAtJob(url, job, asker));
    if (!look) throw new UserError(`the job ${job.job} is gone from Nomad: somebody has removed it. Run up again.`);
    const judgement = judge(look, Number(job.modifyIndex));
    if (judgement.state === "healthy") {
      const health = `${job.job} ${judgement.says}`;
      progress.step(health);
      return { health };
    }
    const now = performance.now();
    stuckSince = judgement.state === "stuck" ? (stuckSince ?? now) : undefined;
    const isTooLate = judgement.state === "waiting" && !judgement.isLimited && now - began >= start;
    if (isTooLate) judgement.says = `isn't healthy after ${Math.round(start / 1000)} s: ${judgement.says}`;
    if (judgement.state === "failed" || isTooLate || (stuckSince !== undefined && now - stuckSince >= stuck))
      throw new UserError(await ask((url) => describe(url, look, judgement, asker)));
    tell(`${job.job}: ${judgement.says}${judgement.state === "stuck" ? " so far" : ""}`);
    await pause(poll, undefined, signal && { signal }).catch(() => {});
  }
}

/** A request that ^C has cut off is no answer of Nomad's. */
async function unlessInterrupted<T>({ job }: RegisteredJob, signal: AbortSignal | undefined, work: Promise<T>) {
  try {
    const answer = await work;
    if (!signal?.aborted) return answer;
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
  throw new Interrupted(`interrupted while waiting for the job ${job}, which goes on in Nomad`);
}

/** Asks for what a failure's message needs. */
async function describe(
  url: string,
  { job }: Look,
  { says, unplaced, ill }: Judgement,
  asker: AskOptions,
): Promise<string> {
  const nodes = unplaced.length > 0 ? await lookAtNodes(url, asker) : undefined;
  const tasks = await Promise.all(ill.flatMap((allocation) => illTasks(url, allocation, asker)));
  return failureMessage({ job, says, unplaced, tasks, nodes });
}

/** The tasks of an allocation that failed; if none has, those that don't run; if all do, all. */
function illTasks(url: string, allocation: Allocation, asker: AskOptions): Promise<IllTask>[] {
  const all = Object.entries(allocation.TaskStates ?? {});
  const failed = all.filter(([, { Failed, Restarts }]) => Failed || Restarts > 0);
  const idle = all.filter(([, { State }]) => State !== "running");
  const chosen = [failed, idle, all].find(({ length }) => length > 0) ?? [];
  return chosen.map(async ([name, state]) => ({
    allocation,
    name,
    state,
    printed: await lastOutput(url, allocation, name, asker),
  }));
}
