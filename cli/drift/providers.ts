import type { Agents } from "../../steps/cluster/quorum.ts";
import { type StackState, withResources } from "../stack/state.ts";

/**
 * A state whose providers talk to these agents; the same object if they do. For deletions, which don't ask the program:
 * the agent that the state names may be off.
 */
export function withAgents(state: StackState, { consulUrl, nomadUrl }: Agents): StackState {
  const addresses = new Map([
    ["pulumi:providers:consul", consulUrl],
    ["pulumi:providers:nomad", nomadUrl],
  ]);
  return withResources(state, (resource) => {
    const address = addresses.get(resource.type);
    if (address === undefined || resource.inputs?.address === address) return resource;
    const { inputs, outputs } = resource;
    return { ...resource, inputs: { ...inputs, address }, outputs: { ...outputs, address } };
  });
}
