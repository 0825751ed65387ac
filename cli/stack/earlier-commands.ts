import type { StackState, StateResource } from "./state.ts";

/** Where earlier versions had the steps' programs; a state names the old path until its step is updated. */
const moved: Readonly<Record<string, string>> = {
  "commands/image/main.ts": "steps/image/main.ts",
  "commands/lab/main.ts": "steps/lab/main.ts",
  "commands/ready/main.ts": "steps/cluster/main.ts",
  "commands/router/main.ts": "steps/router/main.ts",
};

/**
 * Replaces the old paths of the steps' programs in a state: a step that is deleted before it was ever updated would run
 * a program that no longer exists. Returns the same object if nothing changes.
 */
export function followMovedPrograms(state: StackState): StackState {
  const { resources = [], pending_operations: pending = [] } = state.deployment;
  const followed = resources.map(follow);
  const followedPending = pending.map((operation) => ({ ...operation, resource: follow(operation.resource) }));
  const isSame =
    followed.every((resource, index) => resource === resources[index]) &&
    followedPending.every(({ resource }, index) => resource === pending[index]?.resource);
  if (isSame) return state;
  const deployment = { ...state.deployment, resources: followed, pending_operations: followedPending };
  return { ...state, deployment };
}

function follow(resource: StateResource): StateResource {
  const { type, inputs, outputs } = resource;
  if (type !== "command:local:Command") return resource;
  const followed = {
    ...(inputs && { inputs: followCommands(inputs) }),
    ...(outputs && { outputs: followCommands(outputs) }),
  };
  const isSame = followed.inputs === inputs && followed.outputs === outputs;
  return isSame ? resource : { ...resource, ...followed };
}

const verbs = ["create", "update", "delete"] as const;

function followCommands(properties: Record<string, unknown>): Record<string, unknown> {
  const changed = verbs.flatMap((verb) => {
    const [whole = "", start = "", program = "", rest = ""] =
      /^(node --import tsx )(\S+)( .*)$/.exec(String(properties[verb] ?? "")) ?? [];
    const now = moved[program];
    return whole === "" || now === undefined ? [] : [[verb, start + now + rest]];
  });
  return changed.length === 0 ? properties : { ...properties, ...Object.fromEntries(changed) };
}
