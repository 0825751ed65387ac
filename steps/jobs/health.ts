import { z } from "zod";
import { unlessSilent } from "../../lib/http.ts";
import { type AskOptions, askAgent } from "../agents.ts";
import {
  type Allocation,
  allocationsAnswer,
  deploymentsAnswer,
  evaluationsAnswer,
  type Job,
  oneLine,
} from "./answers.ts";
import { judge } from "./judge.ts";
import { askForJob, lookAtNodes, lookOf } from "./look.ts";
import { placementReasons } from "./placement.ts";

/** How one job is right now. */
export interface JobHealth {
  id: string;
  namespace: string;
  /** "service", "batch", "system" or "sysbatch". */
  type: string;
  status: "healthy" | "waiting" | "failed";
  /** Reads on behind the job's name, such as "is healthy: 1 of 1 running". */
  detail: string;
  /** Of a periodic job; null for others, before the first run, and when Nomad has forgotten it (after some hours). */
  lastRun: LastRun | null;
}

export interface LastRun {
  /** When it was started, ISO 8601 in UTC. */
  at: string;
  result: "succeeded" | "failed" | "running" | "waiting";
}

export interface HealthOptions extends AskOptions {
  /** A Consul agent's base URL: a job whose service has a critical check isn't healthy. */
  consulUrl?: string | undefined;
}

/**
 * All jobs that Nomad has, by their names, judged as `up` does it; without the single runs of periodic and dispatched ones.
 * One request for each job, and six more.
 * @throws NoAnswer if this Nomad doesn't answer
 */
export async function jobHealth(url: string, { consulUrl, ...asker }: HealthOptions = {}): Promise<JobHealth[]> {
  const ask = <T>(path: string, schema: z.ZodType<T>) => askAgent("Nomad", `${url}${path}`, schema, asker);
  const [listed, evaluations, deployments, allocations, nodes, critical] = await Promise.all([
    ask("/v1/jobs?namespace=*", listAnswer),
    ask("/v1/evaluations?namespace=*", evaluationsAnswer),
    ask("/v1/deployments?namespace=*", deploymentsAnswer),
    ask("/v1/allocations?namespace=*", allocationsAnswer),
    lookAtNodes(url, asker),
    consulUrl ? criticalChecks(consulUrl, asker) : [],
  ]);
  const wanted = listed.filter(({ ParentID }) => !ParentID);
  const jobs = await Promise.all(
    wanted.map(({ ID, Namespace }) => askForJob(url, { job: ID, namespace: Namespace }, asker)),
  );
  const judged = jobs.flatMap((job): JobHealth[] => {
    if (!job) return [];
    const look = lookOf(job, { evaluations, deployments, allocations });
    const { state, says, unplaced } = judge(look);
    const reasons = unplaced.flatMap((one) => placementReasons(job, one, nodes));
    const detail = [says, ...reasons].join(": ");
    const lastRun = job.Periodic ? lastRunOf(job, listed) : null;
    const about = { id: job.ID, namespace: job.Namespace, type: job.Type, lastRun };
    if (state === "waiting") return [{ ...about, status: "waiting", detail }];
    if (state !== "healthy") return [{ ...about, status: "failed", detail }];
    if (lastRun?.result === "failed") return [{ ...about, status: "failed", detail: "failed in its last run" }];
    const check = critical.find((one) => look.allocations.some((allocation) => isOf(one, allocation)));
    return [
      check ? { ...about, status: "waiting", detail: criticalWords(check) } : { ...about, status: "healthy", detail },
    ];
  });
  return judged.sort((a, b) => (a.id < b.id ? -1 : 1));
}

const runs = z.object({ Failed: z.int(), Lost: z.int() });

const listAnswer = z.array(
  z.object({
    ID: z.string(),
    Namespace: z.string(),
    ParentID: z.string(),
    Status: z.string(),
    JobSummary: z.object({ Summary: z.record(z.string(), runs).nullable() }).nullable(),
  }),
);

/** Nomad calls a run JOB/periodic-SECONDS, and forgets it after some hours. */
function lastRunOf({ ID, Namespace }: Job, listed: z.output<typeof listAnswer>): LastRun | null {
  const runs = listed.flatMap((run) => {
    const [, seconds] = /\/periodic-(\d+)$/.exec(run.ID) ?? [];
    return run.ParentID === ID && run.Namespace === Namespace && seconds ? [{ run, seconds: Number(seconds) }] : [];
  });
  const [last] = runs.sort((a, b) => b.seconds - a.seconds);
  if (!last) return null;
  const { Status, JobSummary } = last.run;
  const hasFailed = Object.values(JobSummary?.Summary ?? {}).some(({ Failed, Lost }) => Failed + Lost > 0);
  const ended = hasFailed ? "failed" : "succeeded";
  const result = Status === "dead" ? ended : Status === "running" ? "running" : "waiting";
  return { at: new Date(last.seconds * 1000).toISOString(), result };
}

const shown = z.string().transform((text) => oneLine(text, 100));

const criticalAnswer = z.array(z.object({ Name: shown, ServiceID: z.string(), ServiceName: shown, Output: shown }));

type CriticalCheck = z.output<typeof criticalAnswer>[number];

/** None if Consul doesn't answer: then nothing is known against the jobs. */
async function criticalChecks(consulUrl: string, asker: AskOptions): Promise<CriticalCheck[]> {
  const checks = askAgent("Consul", `${consulUrl}/v1/health/state/critical`, criticalAnswer, asker);
  return (await unlessSilent(checks)) ?? [];
}

/** Nomad names its services in Consul after the allocation. */
const isOf = ({ ServiceID }: CriticalCheck, { ID }: Allocation) => ServiceID.startsWith(`_nomad-task-${ID}-`);

const criticalWords = ({ ServiceName, Name, Output }: CriticalCheck) =>
  `runs, but its service ${ServiceName} is critical in Consul: ${[Name, Output].filter(Boolean).join(": ")}`;
