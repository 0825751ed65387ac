import type { Access } from "../../steps/agents.ts";
import type { StackState, StateResource } from "../stack/state.ts";
import type { Correction, Findings } from "./correction.ts";
import { type JobIndexes, nomadIndexes } from "./nomad-indexes.ts";

/** Finds jobs that failed, were reverted by Nomad, scaled or stopped by hand, or are gone. */
export async function jobDrift(state: StackState, nomadUrl: string | undefined, access?: Access): Promise<Findings> {
  const jobs = jobsIn(state);
  if (jobs.length === 0) return { corrections: [], unknown: [] };
  const indexes = nomadUrl && (await nomadIndexes(nomadUrl, access));
  if (!indexes) return { corrections: [], unknown: ["the jobs could not be checked: no Nomad server answers"] };
  return { corrections: jobs.flatMap((job) => correctJob(job, indexes)), unknown: [] };
}

/** Jobs of a cluster that lets everybody in: they have no identities, so Consul tells them nothing once it is closed. */
export function jobsWithoutIdentity(state: StackState): Findings {
  const corrections = jobsIn(state).map(({ urn, id = "" }) => ({
    urn,
    reason: `the job ${id} has no identity of its own yet: up registers it again`,
  }));
  return { corrections, unknown: [] };
}

const jobsIn = ({ deployment }: StackState) =>
  (deployment.resources ?? []).filter(({ type }) => type === "nomad:index/job:Job");

/**
 * The official plugin refuses a changed file for a job whose index differs from the state's, so the state gets Nomad's
 * index.
 */
export function correctJob({ urn, id = "", outputs = {} }: StateResource, indexes: JobIndexes): Correction[] {
  const index = indexes.get(`${outputs.namespace ?? "default"}/${id}`);
  const modifyIndex = String(index ?? 0);
  if (outputs.modifyIndex === modifyIndex) return [];
  const what = index === undefined ? "is gone from Nomad" : "has changed in Nomad since the last update";
  return [{ urn, reason: `the job ${id} ${what}: up registers it again`, outputs: { modifyIndex } }];
}
