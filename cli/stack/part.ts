import { isStack, type StackState, type StateResource } from "./state.ts";

/**
 * The part of a state that has the resources that `isWanted` chooses, and what they depend on. Pulumi refuses to update
 * targets while anything that depends on them is in the state but no longer in the settings; in the part, nothing does.
 */
export function partOf(state: StackState, isWanted: (urn: string) => boolean): StackState {
  const resources = state.deployment.resources ?? [];
  const kept = new Set<string>();
  // What a resource depends on stands before it.
  for (const resource of resources.toReversed())
    if (isStack(resource) || kept.has(resource.urn) || isWanted(resource.urn))
      for (const urn of [resource.urn, ...needs(resource)]) kept.add(urn);
  return withOnly(
    state,
    resources.filter(({ urn }) => kept.has(urn)),
  );
}

/** A state in which a part of it, which was updated, has the place of what it was before. The stack's outputs stay. */
export function withPart(state: StackState, part: StackState): StackState {
  const before = state.deployment.resources ?? [];
  const updated = part.deployment.resources ?? [];
  const root = before.find(isStack) ?? updated.find(isStack);
  const others = updated.filter((resource) => !isStack(resource));
  const known = new Set(updated.map(({ urn }) => urn));
  const rest = before.filter((resource) => !isStack(resource) && !known.has(resource.urn));
  return withOnly(state, [...(root ? [root] : []), ...others, ...rest]);
}

/** The URNs of all that a resource refers to. */
function needs({ parent, provider, dependencies = [], deletedWith }: StateResource): string[] {
  const of = provider?.slice(0, provider.lastIndexOf("::"));
  return [...dependencies, ...[parent, of, deletedWith].filter((urn) => urn !== undefined)];
}

const withOnly = (state: StackState, resources: StateResource[]): StackState => ({
  ...state,
  deployment: { ...state.deployment, resources },
});
