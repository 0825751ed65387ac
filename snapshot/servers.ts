import { z } from "zod";
import { UserError } from "../lib/errors.ts";
import { NoAnswer } from "../lib/http.ts";
import { type Access, type AgentName, askAgent, askForLeader, plainText } from "../steps/agents.ts";
import { type Cluster, isNomadServer } from "../steps/cluster/contract.ts";

/** A server's agent. */
export interface Server {
  /** Its machine's. */
  name: string;
  url: string;
  /** What opens it. */
  access: Access | undefined;
}

/** The stack's servers of that kind, in its order. */
export function serversOf(agent: AgentName, { machines, access }: Cluster): Server[] {
  if (agent === "Nomad")
    return machines.filter(isNomadServer).map(({ name, nomadUrl }) => ({ name, url: nomadUrl, access }));
  const servers = machines.filter(({ consulServer }) => consulServer);
  return servers.map(({ name, consulUrl }) => ({ name, url: consulUrl, access }));
}

/**
 * Those of the servers that know a leader, in their order; at least one.
 * @throws UserError naming what each server answers instead
 */
export async function serversWithLeader(
  agent: AgentName,
  servers: readonly Server[],
  signal: AbortSignal,
): Promise<Server[]> {
  const problems = await Promise.all(servers.map((server) => problemOf(agent, server, signal)));
  signal.throwIfAborted();
  const leading = servers.filter((_, index) => problems[index] === undefined);
  if (leading.length > 0) return leading;
  const lines = servers.map(({ name }, index) => `  ${name}: ${problems[index]}`);
  throw new UserError([`${agent} has no leader, and without one nothing can be read or written:`, ...lines].join("\n"));
}

async function problemOf(agent: AgentName, { url, access }: Server, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await askForLeader(agent, url, { access, signal })) === "" ? "knows no leader" : undefined;
  } catch (error) {
    if (error instanceof NoAnswer) return `no answer from ${url}: ${error.message}`;
    throw error;
  }
}

/**
 * What the first server that has an answer says; the next one is asked if a server fails.
 * @throws UserError with the last server's reason
 */
export async function askFirst<T>(
  agent: AgentName,
  what: string,
  servers: readonly Server[],
  signal: AbortSignal,
  ask: (server: Server) => Promise<T>,
): Promise<T> {
  let reason = "";
  for (const server of servers) {
    try {
      return await ask(server);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof NoAnswer)) throw error;
      reason = `${server.name} (${server.url}): ${error.message}`;
    }
  }
  throw new UserError(`${what} failed: no answer from ${agent} on ${reason}`);
}

export interface AgentFacts {
  /** Such as "1.22.2". */
  version: string;
  datacenter: string;
}

const consulSelf = z.object({ Config: z.object({ Version: plainText, Datacenter: plainText }) });
const nomadSelf = z.object({
  config: z.object({ Version: z.object({ Version: plainText }), Datacenter: plainText }),
});

/** An agent's version and datacenter. Fails with a NoAnswer. */
export async function factsOf(agent: AgentName, { url, access }: Server, signal: AbortSignal): Promise<AgentFacts> {
  const asker = { access, signal };
  if (agent === "Consul") {
    const { Config } = await askAgent(agent, `${url}/v1/agent/self`, consulSelf, asker);
    return { version: Config.Version, datacenter: Config.Datacenter };
  }
  const { config } = await askAgent(agent, `${url}/v1/agent/self`, nomadSelf, asker);
  return { version: config.Version.Version, datacenter: config.Datacenter };
}
