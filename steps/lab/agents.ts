import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { unlessSilent } from "../../lib/http.ts";
import type { Context } from "../../lib/program.ts";
import { type Access, type AgentName, askAgent, healthAnswer, leaderAnswer, plainText } from "../agents.ts";
import { isAt, type Server, shortage } from "../quorum.ts";
import type { LabMachine } from "./contract.ts";
import { type Ports, readRecords } from "./folder.ts";
import { machineProcesses } from "./machine-processes.ts";
import { untilMachine } from "./until-machine.ts";

/** The agents that make a machine part of a cluster; both have the same API for leader and servers. */
export type Agent = "consul" | "nomad";
const agents: readonly Agent[] = ["consul", "nomad"];

/** Time limits for a replaced machine's agents to return, and for the others to become healthy before that. */
const returnSeconds = 600;
const quorumSeconds = 60;

/** Ports that lead to a machine's agents, and what opens these. */
export interface Reachable {
  ports: Ports;
  access: Access | undefined;
}

/** The machine's agents that take part in a cluster with a leader. */
export async function agentsOf(machine: Reachable): Promise<Agent[]> {
  const answers = await Promise.all(agents.map((agent) => hasLeader(machine, agent)));
  return agents.filter((_, index) => answers[index]);
}

/**
 * Waits until the clusters of the machine's agents can do without it, and returns what they still lack after a minute.
 * If no machine knows a leader, there is nothing to protect.
 */
export async function awaitQuorumWithout(
  machine: Pick<LabMachine, "dir" | "name" | "ip" | "access">,
  { progress, signal }: Context,
): Promise<string | undefined> {
  const deadline = performance.now() + quorumSeconds * 1000;
  for (let told = ""; ; ) {
    const missing = (await Promise.all(agents.map((agent) => missingWithout(machine, agent))))
      .filter(Boolean)
      .join(", ");
    if (!missing) return undefined;
    signal.throwIfAborted();
    if (performance.now() > deadline) return missing;
    if (missing !== told) progress.step(`${machine.name}: waits, because without it ${missing}`);
    told = missing;
    await sleep(1000);
  }
}

async function missingWithout(
  { dir, ip, access }: Pick<LabMachine, "dir" | "ip" | "access">,
  agent: Agent,
): Promise<string | undefined> {
  const running = await machineProcesses(dir);
  const records = (await readRecords(dir)).filter(({ spec }) => running.has(spec.name));
  for (const { ports } of records) {
    if (!(await hasLeader({ ports, access }, agent))) continue;
    const servers = await serversOf({ ports, access }, agent);
    if (servers) return shortage(servers, ip, names[agent]);
  }
  return undefined;
}

/** Waits until these agents of a machine are members of their clusters again. */
export async function awaitAgents(spec: LabMachine, ports: Ports, awaited: Agent[], context: Context): Promise<void> {
  const { dir, name, ip, access } = spec;
  for (const agent of awaited)
    await untilMachine({ dir, name, seconds: returnSeconds }, context, () => missingOf(agent, { ports, access }, ip));
}

/** Waits until a machine's Consul, which every image has, answers at all. */
export async function awaitAnswer({ dir, name, access }: LabMachine, ports: Ports, context: Context): Promise<void> {
  await untilMachine({ dir, name, seconds: returnSeconds }, context, async () => {
    const self = await ask({ ports, access }, "consul", "/v1/status/leader", leaderAnswer);
    return self === undefined ? "consul does not answer yet" : undefined;
  });
}

async function missingOf(agent: Agent, machine: Reachable, ip: string): Promise<string | undefined> {
  const self = await ask(machine, agent, "/v1/agent/self", selfAnswer);
  if (!self) return `${agent} does not answer yet`;
  if (!(await hasLeader(machine, agent))) return `${agent} has no leader yet`;
  if (isServer(self)) {
    const own = (await serversOf(machine, agent))?.find((server) => isAt(server, ip));
    if (!own?.Healthy) return `${agent} server is not healthy yet`;
  }
  const node = self.stats?.client?.node_id;
  if (node === undefined) return undefined;
  const status = (await ask(machine, agent, `/v1/node/${node}`, nodeAnswer))?.Status;
  return status === "ready" ? undefined : `${agent} client is ${status ?? "unknown"}, not ready yet`;
}

/** What both agents report about themselves, each in its own spelling. */
const selfAnswer = z.object({
  Config: z.object({ Server: z.boolean().optional() }).optional(),
  config: z.object({ Server: z.object({ Enabled: z.boolean().optional() }).nullish() }).optional(),
  stats: z.object({ client: z.object({ node_id: plainText.optional() }).optional() }).optional(),
});
type Self = z.infer<typeof selfAnswer>;

const nodeAnswer = z.object({ Status: plainText });

function isServer({ Config, config }: Self): boolean {
  return Config?.Server === true || config?.Server?.Enabled === true;
}

async function hasLeader(machine: Reachable, agent: Agent): Promise<boolean> {
  return Boolean(await ask(machine, agent, "/v1/status/leader", leaderAnswer));
}

async function serversOf(machine: Reachable, agent: Agent): Promise<Server[] | undefined> {
  return (await ask(machine, agent, "/v1/operator/autopilot/health", healthAnswer))?.Servers ?? undefined;
}

const names: Record<Agent, AgentName> = { consul: "Consul", nomad: "Nomad" };

/** The agent's answer; undefined if there is none. */
async function ask<T>(
  { ports, access }: Reachable,
  agent: Agent,
  question: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  const port = ports[agent];
  if (port === undefined) return undefined;
  const url = `${access ? "https" : "http"}://127.0.0.1:${port}${question}`;
  return unlessSilent(askAgent(names[agent], url, schema, { access }));
}
