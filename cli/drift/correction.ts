import { type StackState, type StateResource, withResources } from "../stack/state.ts";

/** A resource that isn't as the state says. */
export interface Correction {
  urn: string;
  /** A sentence for the user: what is wrong, and what `up` does about it. */
  reason: string;
  /** Outputs that the state has wrong, as they must be for the next update to repair the resource. */
  outputs?: Record<string, unknown>;
}

/** What a look found, and what could not be looked at. */
export interface Findings {
  corrections: Correction[];
  /** Sentences for the user. */
  unknown: string[];
}

/**
 * A state with which the next update repairs what isn't as the state says: Pulumi compares the settings only with the
 * state, but updates every resource that has `initErrors`.
 */
export function correct(state: StackState, corrections: readonly Correction[]): StackState {
  return withResources(state, (resource) =>
    corrections.filter(({ urn }) => urn === resource.urn).reduce(apply, resource),
  );
}

function apply(resource: StateResource, { reason, outputs }: Correction): StateResource {
  const initErrors = [...(resource.initErrors ?? []), reason];
  if (!outputs) return { ...resource, initErrors };
  // The official plugins panic when their delta to Terraform's state doesn't fit the outputs; without it they work.
  const { __pulumi_raw_state_delta: _, ...kept } = resource.outputs ?? {};
  return { ...resource, initErrors, outputs: { ...kept, ...outputs } };
}
