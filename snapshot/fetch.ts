import { askBytes, NoAnswer } from "../lib/http.ts";
import type { AgentName } from "../steps/agents.ts";
import type { ExpectedMachine } from "../steps/cluster/contract.ts";
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

/** The address of an agent's snapshots: GET reads one, PUT restores one. */
export const snapshotUrl = (agent: AgentName, { url }: Server): string => url + paths[agent];

/**
 * Reads a snapshot of Consul and, if the stack has it, of Nomad. A quorum is enough.
 * @throws UserError if there is no leader, or what comes isn't a whole snapshot
 */
export async function fetchSnapshots(
  machines: readonly ExpectedMachine[],
  signal: AbortSignal,
): Promise<ClusterSnapshot> {
  const consul = await fetchSnapshot("Consul", serversOf("Consul", machines), signal);
  const nomadServers = serversOf("Nomad", machines);
  if (nomadServers.length === 0) return { consul };
  return { consul, nomad: await fetchSnapshot("Nomad", nomadServers, signal) };
}

async function fetchSnapshot(agent: AgentName, servers: Server[], signal: AbortSignal): Promise<AgentSnapshot> {
  const leading = await serversWithLeader(agent, servers, signal);
  return askFirst(agent, `Taking a snapshot of ${agent}`, leading, signal, async (server) => {
    const facts = await factsOf(agent, server.url, signal);
    const archive = await askBytes({ who: agent, url: snapshotUrl(agent, server), timeoutMs, mostBytes, signal });
    const fault = await archiveFault(archive);
    if (fault !== undefined) throw new NoAnswer(`what it gave isn't a whole snapshot: ${fault}`);
    return { ...facts, archive };
  });
}
