import type { Access } from "../../steps/agents.ts";
import type { StackState, StateResource } from "../stack/state.ts";
import type { Correction, Found } from "./correction.ts";
import { type JobIndexes, nomadIndexes } from "./nomad-indexes.ts";

/**
 * Finds jobs that failed, were reverted by Nomad, scaled or stopped by hand, or are gone. Without `access`, all are to be
 * registered again: they are from before jobs had identities, and Consul would tell them nothing any more.
 */
export async function jobDrift(state: StackState, nomadUrl: string | undefined, access?: Access): Promise<Found> {
  const jobs = (state.deployment.resources ?? []).filter(({ type }) => type === "nomad:index/job:Job");
  if (jobs.length === 0) return { corrections: [], unknown: [] };
  const indexes = nomadUrl && (await nomadIndexes(nomadUrl, access));
  if (!indexes) return { corrections: [], unknown: ["the jobs could not be checked: no Nomad server answers"] };
  const corrections = jobs.flatMap((job) => [...correctJob(job, indexes), ...(access ? [] : [withoutIdentity(job)])]);
  return { corrections, unknown: [] };
}

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

function withoutIdentity({ urn, id = "" }: StateResource): Correction {
  return { urn, reason: `the job ${id} has no identity of its own yet: up registers it again` };
}
