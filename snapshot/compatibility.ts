import type { ClusterContent } from "./content.ts";
import type { Snapshot } from "./file.ts";
import type { AgentFacts } from "./servers.ts";

/** Why a cluster can't take a snapshot, a line for each reason; none if it can. */
export function incompatibilities(
  { consul, nomad }: Pick<Snapshot, "consul" | "nomad">,
  content: ClusterContent,
): string[] {
  return [...differences("Consul", consul, content.consul), ...differences("Nomad", nomad, content.nomad)];
}

function differences(agent: string, then: AgentFacts | undefined, now: AgentFacts | undefined): string[] {
  if (!then || !now) return [];
  return [
    ...(then.datacenter === now.datacenter
      ? []
      : [
          `${agent}'s datacenter was ${then.datacenter} and is ${now.datacenter} now: set the stack's \`datacenter\` to ${then.datacenter}, or use a snapshot of ${now.datacenter}`,
        ]),
    ...(release(then.version) === release(now.version)
      ? []
      : [
          `${agent} was ${then.version} and is ${now.version} now: only the last number may differ. Use the piinit that took the snapshot, restore, then update`,
        ]),
  ];
}

/** "1.22" of "1.22.2". */
const release = (version: string): string => version.split(".").slice(0, 2).join(".");
