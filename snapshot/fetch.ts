import { askBytes, NoAnswer } from "../lib/http.ts";
import { type AgentName, credentials } from "../steps/agents.ts";
import type { Cluster } from "../steps/cluster/contract.ts";
import { archiveFault } from "./archive.ts";
import { type AgentFacts, askFirst, factsOf, type Server, serversOf, serversWithLeader } from "./servers.ts";

/** What one agent's servers had at one moment. */
export interface AgentSnapshot extends AgentFacts {
  /** As the agent gave it: a gzip'd tar. Nomad's has the keys of its variables in clear. */
  archive: Buffer;
}

export interface ClusterSnapshot {
  consul: AgentSnapshot;
  /** Missing if the stack has no Nomad servers. */
  nomad?: AgentSnapshot;
}

/** A home's is less than a megabyte; this is what a computer can hold in memory. */
const mostBytes = 256 << 20;
const timeoutMs = 120_000;

const paths: Readonly<Record<AgentName, string>> = { Consul: "/v1/snapshot", Nomad: "/v1/operator/snapshot" };

/** A request for an agent's snapshot: GET reads one, PUT restores one. */
export function snapshotRequest(agent: AgentName, { url, access }: Server, signal: AbortSignal) {
  return { who: agent, url: url + paths[agent], timeoutMs, ...credentials(agent, url, { access, signal }) };
}

/**
 * Reads a snapshot of Consul and, if the stack has it, of Nomad. A quorum is enough.
 * @throws UserError if there is no leader, or what comes isn't a whole snapshot
 */
export async function fetchSnapshots(cluster: Cluster, signal: AbortSignal): Promise<ClusterSnapshot> {
  const consul = await fetchSnapshot("Consul", serversOf("Consul", cluster), signal);
  const nomadServers = serversOf("Nomad", cluster);
  if (nomadServers.length === 0) return { consul };
  return { consul, nomad: await fetchSnapshot("Nomad", nomadServers, signal) };
}

async function fetchSnapshot(agent: AgentName, servers: Server[], signal: AbortSignal): Promise<AgentSnapshot> {
  const leading = await serversWithLeader(agent, servers, signal);
  return askFirst(agent, `Taking a snapshot of ${agent}`, leading, signal, async (server) => {
    const facts = await factsOf(agent, server, signal);
    const archive = await askBytes({ ...snapshotRequest(agent, server, signal), mostBytes });
    const fault = await archiveFault(archive);
    if (fault !== undefined) throw new NoAnswer(`what it gave isn't a whole snapshot: ${fault}`);
    return { ...facts, archive };
  });
}
