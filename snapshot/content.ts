import { z } from "zod";
import { NoAnswer } from "../lib/http.ts";
import { type AgentName, type AskOptions, askAgent, plainText } from "../steps/agents.ts";
import type { Cluster } from "../steps/cluster/contract.ts";
import { type AgentFacts, askFirst, factsOf, type Server, serversOf, serversWithLeader } from "./servers.ts";

/** What a cluster has now, which a restored snapshot would replace. */
export interface ClusterContent {
  consul: AgentFacts & { keys: number };
  /** Missing if the stack has no Nomad servers. */
  nomad?: AgentFacts & { jobs: number; variables: number };
}

/** @throws UserError if there is no leader */
export async function lookAtContent(cluster: Cluster, signal: AbortSignal): Promise<ClusterContent> {
  const look = async <T>(
    agent: AgentName,
    servers: Server[],
    count: (url: string, asker: AskOptions) => Promise<T>,
  ) => {
    const leading = await serversWithLeader(agent, servers, signal);
    return askFirst(agent, `Looking at ${agent}`, leading, signal, async (server) => ({
      ...(await factsOf(agent, server, signal)),
      ...(await count(server.url, { access: server.access, signal })),
    }));
  };
  const nomadServers = serversOf("Nomad", cluster);
  const [consul, nomad] = await Promise.all([
    look("Consul", serversOf("Consul", cluster), countKeys),
    nomadServers.length > 0 ? look("Nomad", nomadServers, countJobs) : undefined,
  ]);
  return { consul, ...(nomad && { nomad }) };
}

const list = z.array(z.unknown());

/** Consul says "not found" where there is no key. */
async function countKeys(url: string, asker: AskOptions): Promise<{ keys: number }> {
  try {
    return { keys: (await askAgent("Consul", `${url}/v1/kv/?keys`, list, asker)).length };
  } catch (error) {
    if (error instanceof NoAnswer && error.status === 404) return { keys: 0 };
    throw error;
  }
}

const jobs = z.array(z.object({ ParentID: plainText })).nullable();

/** Counts the jobs themselves, without the individual runs of periodic ones. */
async function countJobs(url: string, asker: AskOptions): Promise<{ jobs: number; variables: number }> {
  const found = await askAgent("Nomad", `${url}/v1/jobs?namespace=*`, jobs, asker);
  const variables = await askAgent("Nomad", `${url}/v1/vars?namespace=*`, list.nullable(), asker);
  return { jobs: (found ?? []).filter(({ ParentID }) => !ParentID).length, variables: variables?.length ?? 0 };
}
