import { askBytes, NoAnswer, unlessSilent } from "../../lib/http.ts";
import { type AskOptions, askAgent, credentials } from "../agents.ts";
import {
  type Allocation,
  allocationsAnswer,
  type Deployment,
  deploymentsAnswer,
  type Evaluation,
  evaluationsAnswer,
  type Job,
  jobAnswer,
  type Node,
  nodesAnswer,
  oneLine,
} from "./answers.ts";

/** One observation of a job, not judged yet. */
export interface Look {
  job: Job;
  evaluations: Evaluation[];
  deployments: Deployment[];
  /** Of all versions of the job. */
  allocations: Allocation[];
  /** When it was made, in milliseconds since 1970. */
  at: number;
}

export interface JobName {
  job: string;
  namespace: string;
}

/** Asks one server; undefined if there is no such job. Fails with a NoAnswer. */
export async function lookAtJob(url: string, name: JobName, options?: AskOptions): Promise<Look | undefined> {
  const ask = <T>(what: string, schema: Parameters<typeof askAgent<T>>[2]) =>
    askAgent("Nomad", jobUrl(url, name, what), schema, options);
  const [job, evaluations, deployments, allocations] = await Promise.all([
    askForJob(url, name, options),
    ask("/evaluations", evaluationsAnswer),
    ask("/deployments", deploymentsAnswer),
    ask("/allocations", allocationsAnswer),
  ]);
  return job && lookOf(job, { evaluations, deployments, allocations });
}

/** What of these answers is about the job: they may be about others, too. */
export function lookOf(
  job: Job,
  answers: { evaluations: Evaluation[]; deployments: Deployment[] | null; allocations: Allocation[] | null },
): Look {
  const ofJob = <T extends { JobID: string; Namespace: string }>(all: T[] | null) =>
    (all ?? []).filter(({ JobID, Namespace }) => JobID === job.ID && Namespace === job.Namespace);
  const { evaluations, deployments, allocations } = answers;
  return {
    job,
    evaluations: ofJob(evaluations),
    deployments: ofJob(deployments),
    allocations: ofJob(allocations),
    at: Date.now(),
  };
}

/** A job as it is registered; undefined if there is none of that name. Fails with a NoAnswer. */
export function askForJob(url: string, name: JobName, options?: AskOptions): Promise<Job | undefined> {
  return askAgent("Nomad", jobUrl(url, name, ""), jobAnswer, options).catch(unlessGone);
}

function unlessGone(error: unknown): undefined {
  if (!(error instanceof NoAnswer && error.status === 404 && error.message.includes("job not found"))) throw error;
}

function jobUrl(url: string, { job, namespace }: JobName, what: string): string {
  return `${url}/v1/job/${encodeURIComponent(job)}${what}?namespace=${encodeURIComponent(namespace)}`;
}

/** Nomad's clients; undefined if it doesn't say. */
export async function lookAtNodes(url: string, options?: AskOptions): Promise<Node[] | undefined> {
  return unlessSilent(askAgent("Nomad", `${url}/v1/nodes`, nodesAnswer, options));
}

/** What a task has printed. */
export interface Printed {
  stderr: string[];
  stdout: string[];
}

const lastLines = 10;
const longestLine = 200;
const logMs = 5000;
const mostLogBytes = 1 << 20;

/** The last lines that a task printed; none if its machine doesn't answer, or it never started. */
export async function lastOutput(
  url: string,
  { ID, Namespace }: Allocation,
  task: string,
  options: AskOptions = {},
): Promise<Printed> {
  const read = async (type: string) => {
    const offset = String(lastLines * longestLine);
    const query = new URLSearchParams({ task, type, namespace: Namespace, origin: "end", offset, plain: "true" });
    const whole = `${url}/v1/client/fs/logs/${ID}?${query}`;
    const asker = credentials("Nomad", whole, options);
    const question = { who: "Nomad", url: whole, timeoutMs: logMs, mostBytes: mostLogBytes, ...asker };
    const text = (await unlessSilent(askBytes(question)))?.toString("utf8") ?? "";
    const lines = text.split("\n").map((line) => oneLine(line, longestLine));
    return lines.filter(Boolean).slice(-lastLines);
  };
  const [stderr, stdout] = await Promise.all([read("stderr"), read("stdout")]);
  return { stderr, stdout };
}
