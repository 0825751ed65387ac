import type { Ask } from "../e2e/agent-api.ts";

/** One try of a run, of Nomad's. */
export interface Try {
  /** The machine's name. */
  node: string;
  isComplete: boolean;
}

/** A run of a periodic job. */
export interface Run {
  /** The job's id, which ends in the second of its start. */
  id: string;
  tries: Try[];
  /** When its last try was over, seconds since 1970; endless while one isn't. */
  over: number;
}

/** When machines were off or cut, until the cluster was whole again; seconds since 1970. */
export interface Outage {
  machines: readonly string[];
  from: number;
  to: number;
}

/** What became of a job's runs that were due once a minute. */
export interface Count {
  due: number;
  /** A sentence each; without those that the outage of their own machine, or of all machines, explains. */
  missed: string[];
  doubled: string[];
  /** Left out, as the job wants, because the run before was not over. */
  leftOut: number;
}

/** Judges the minutes that begin from `from` to `to`, seconds since 1970. */
export function countRuns(runs: readonly Run[], outages: readonly Outage[], from: number, to: number): Count {
  const count: Count = { due: 0, missed: [], doubled: [], leftOut: 0 };
  for (let minute = Math.ceil(from / 60) * 60; minute + 60 <= to; minute += 60) {
    count.due++;
    const tries = runs.filter(({ id }) => minuteOf(id) === minute).flatMap(({ tries: list }) => list);
    const complete = tries.filter(({ isComplete }) => isComplete).length;
    const around = outages.filter((outage) => outage.from < minute + 60 && minute < outage.to);
    const isExplained = around.some(
      ({ machines }) => machines.length > 1 || tries.some(({ node }) => machines.includes(node)),
    );
    if (complete === 1 || isExplained) continue;
    if (tries.length === 0 && runs.some((run) => minuteOf(run.id) < minute && minute <= run.over + settledSeconds)) {
      count.leftOut++;
      continue;
    }
    const where = tries.map(({ node }) => node).join(", ") || "nowhere";
    (complete === 0 ? count.missed : count.doubled).push(
      `${new Date(minute * 1000).toISOString()}: ${complete} runs (tried on: ${where})`,
    );
  }
  return count;
}

/** Nomad calls a run over once its machine has said so, and an evaluation has agreed. */
const settledSeconds = 5;

const minuteOf = (id: string) => Math.floor(Number(/-(\d+)$/.exec(id)?.[1]) / 60) * 60;

/** All runs of the job that Nomad still knows. */
export async function readRuns(owner: Ask, nomad: string, job: string): Promise<Run[]> {
  const children = await ask<{ ID: string }[]>(owner, `${nomad}/v1/jobs?prefix=${job}/periodic-`);
  return Promise.all(
    children.map(async ({ ID }) => {
      const tries = await ask<Allocation[]>(owner, `${nomad}/v1/job/${encodeURIComponent(ID)}/allocations`);
      return {
        id: ID,
        tries: tries.map(({ NodeName, ClientStatus }) => ({
          node: NodeName,
          isComplete: ClientStatus === "complete",
        })),
        over: tries.length > 0 ? Math.max(...tries.map(overAt)) : Number.POSITIVE_INFINITY,
      };
    }),
  );
}

interface Allocation {
  NodeName: string;
  /** "pending" and "running" aren't over; "lost" is, since Nomad noticed. */
  ClientStatus: string;
  /** Nanoseconds since 1970. */
  ModifyTime: number;
  TaskStates: Record<string, { FinishedAt: string | null }> | null;
}

function overAt({ ClientStatus, ModifyTime, TaskStates }: Allocation): number {
  if (["pending", "running"].includes(ClientStatus)) return Number.POSITIVE_INFINITY;
  const finished = Object.values(TaskStates ?? {}).map(({ FinishedAt }) => Date.parse(FinishedAt ?? "") / 1000);
  return finished.length > 0 && finished.every((time) => time > 0) ? Math.max(...finished) : ModifyTime / 1e9;
}

async function ask<Answer>(owner: Ask, url: string): Promise<Answer> {
  const { ok, status, text } = await owner(url);
  if (!ok) throw new Error(`${url}: ${status}`);
  return JSON.parse(text) as Answer;
}
