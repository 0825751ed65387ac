import { progressOnStderr } from "../../lib/progress.ts";
import { type JobIndexes, nomadIndexes } from "./nomad-indexes.ts";
import type { Stack } from "./stack.ts";
import { type StackState, type StateResource, writeState } from "./state.ts";

/** A state that makes the next update repair the keys and jobs about which the old state was wrong. */
export interface Corrected {
  state: StackState;
  drifted: Drifted[];
}

export interface Drifted {
  kind: "job" | "key";
  /** A sentence for the user. */
  reason: string;
}

/**
 * Corrects keys and jobs in the state before an update: Pulumi's plugins compare the settings only with the state, so
 * they would never repair what failed or was changed by hand, or would refuse it forever.
 */
export async function correctDrift(stack: Stack, state: StackState): Promise<void> {
  const corrected = await findDrift(state);
  if (corrected.drifted.length === 0) return;
  tell(corrected.drifted);
  await writeState(stack, corrected.state);
}

/**
 * The arguments that keep a preview from being refused because of such a job: it reads Nomad's jobs for this preview
 * only and changes no state.
 */
export async function previewArguments(state: StackState): Promise<string[]> {
  const { drifted } = await findDrift(state);
  tell(drifted);
  return drifted.some(({ kind }) => kind === "job") ? ["--refresh"] : [];
}

function tell(drifted: Drifted[]): void {
  for (const { reason } of drifted) progressOnStderr().step(reason);
}

/** Skips a Nomad that doesn't answer. */
async function findDrift(state: StackState): Promise<Corrected> {
  const indexes = new Map<string, JobIndexes>();
  const addresses = new Set(resourcesOf(state).map((job) => isJob(job) && nomadOf(job, state)));
  await Promise.all(
    [...addresses].map(async (address) => {
      const answer = address && (await nomadIndexes(address));
      if (answer) indexes.set(address, answer);
    }),
  );
  return correct(state, indexes);
}

/** The pure part: `indexes` has what the Nomad at each address answered. */
export function correct(state: StackState, indexes: Map<string, JobIndexes>): Corrected {
  const drifted: Drifted[] = [];
  const resources = resourcesOf(state).map((resource) => {
    const correction = isJob(resource)
      ? correctJob(resource, indexes.get(nomadOf(resource, state) ?? ""))
      : correctKeys(resource);
    if (!correction) return resource;
    drifted.push({ kind: isJob(resource) ? "job" : "key", reason: correction.reason });
    return correction.resource;
  });
  return { state: { ...state, deployment: { ...state.deployment, resources } }, drifted };
}

interface Correction {
  resource: StateResource;
  reason: string;
}

/**
 * Has a job registered again that failed, was reverted by Nomad, or was scaled or stopped by hand. The official plugin
 * refuses a changed file for a job whose index differs from the state's, so the state gets Nomad's index.
 */
function correctJob(job: StateResource, indexes: JobIndexes | undefined): Correction | undefined {
  const { id = "", outputs = {}, initErrors = [] } = job;
  if (!indexes) return undefined;
  const index = indexes.get(`${outputs.namespace ?? "default"}/${id}`);
  const modifyIndex = String(index ?? 0);
  if (outputs.modifyIndex === modifyIndex) return undefined;
  const what = index === undefined ? "is gone from Nomad" : "has changed in Nomad since the last update";
  const reason = `the job ${id} ${what}: up registers it again`;
  return { reason, resource: withOutputs({ ...job, initErrors: [...initErrors, reason] }, { modifyIndex }) };
}

/** No key has this as its value. */
const notWritten = "piinit: may not have been written";

/** After a failed write the plugins consider the new value written, and would not write it again. */
function correctKeys(resource: StateResource): Correction | undefined {
  const keys = resource.inputs?.keys;
  if (resource.type !== "consul:index/keys:Keys" || !resource.initErrors?.length || !Array.isArray(keys))
    return undefined;
  const values = { keys: keys.map((key) => ({ ...key, value: notWritten })) };
  const name = resource.urn.slice(resource.urn.lastIndexOf("::") + 2);
  return {
    reason: `the key ${name} may not have been written: up writes it again`,
    resource: withOutputs(resource, values),
  };
}

/** The official plugins panic when their delta to Terraform's state doesn't fit the outputs; without it they work. */
function withOutputs(resource: StateResource, changes: Record<string, unknown>): StateResource {
  const { __pulumi_raw_state_delta: _, ...outputs } = resource.outputs ?? {};
  return { ...resource, outputs: { ...outputs, ...changes } };
}

const isJob = ({ type }: StateResource) => type === "nomad:index/job:Job";

const resourcesOf = ({ deployment }: StackState) => deployment.resources ?? [];

/** The address of a job's Nomad: that of its provider, whose reference is "URN::ID". */
export function nomadOf({ provider }: StateResource, state: StackState): string | undefined {
  const found = resourcesOf(state).find(({ urn, id }) => provider === `${urn}::${id}`);
  const address = found?.inputs?.address;
  return typeof address === "string" ? address : undefined;
}
