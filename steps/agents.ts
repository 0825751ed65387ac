import { z } from "zod";
import { askJson, NoAnswer } from "../lib/http.ts";

/** The agents that make a machine part of a cluster; both have the same API for leader and servers. */
export type AgentName = "Consul" | "Nomad";

/** Text that is safe to show: without control characters that move a terminal's cursor. */
export const plainText = z
  .string()
  .max(1000)
  .regex(/^\P{C}*$/u);

/** "address:port" of the leader; "" if there is none. */
export const leaderAnswer = plainText;

/** How many of so many servers are a quorum. */
export const majorityOf = (servers: number): number => Math.floor(servers / 2) + 1;

/** Autopilot's view of a cluster's servers; an address is "IP:PORT". */
export const healthAnswer = z.object({
  Servers: z
    .array(
      z.object({
        Name: plainText,
        Address: plainText,
        Voter: z.boolean(),
        Healthy: z.boolean(),
        Leader: z.boolean(),
      }),
    )
    .nullable(),
});

/** What opens the agents' APIs: the stack's authority and its tokens. */
export const accessSchema = z.object({
  /** PEM of the authority that has signed the agents' certificates. */
  ca: z.string(),
  /** May do everything in Consul, in Nomad. */
  consul: z.uuid(),
  nomad: z.uuid(),
  /** May ask a Consul agent about itself, also when there is no leader. */
  recovery: z.uuid(),
});

export type Access = z.output<typeof accessSchema>;

/** Who asks, and for how long. */
export interface AskOptions {
  /** Missing for a cluster that lets everybody in. */
  access?: Access | undefined;
  /** For the whole answer. */
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
}

const requestMs = 5000;

/** An agent's answer, if it has that agent's form. Fails with a NoAnswer. */
export function askAgent<T>(
  agent: AgentName,
  url: string,
  schema: z.ZodType<T>,
  { timeoutMs = requestMs, ...options }: AskOptions = {},
): Promise<T> {
  // Autopilot answers 429 if a server is unhealthy; the body is a normal answer.
  return askJson({ who: agent, url, schema, timeoutMs, ...credentials(agent, url, options), alsoStatus: 429 });
}

/** Consul's agent about itself: without a leader it knows no token but the one for recovery. Fails with a NoAnswer. */
export function askItself<T>(url: string, schema: z.ZodType<T>, { access, ...options }: AskOptions): Promise<T> {
  return askAgent("Consul", url, schema, { ...options, access: access && { ...access, consul: access.recovery } });
}

/** The parts of a request that are the asker's. A token is sent to nobody who has no certificate of the authority. */
export function credentials(agent: AgentName, url: string, { access, signal }: AskOptions) {
  if (!access || !url.startsWith("https:")) return { signal };
  const token = agent === "Consul" ? access.consul : access.nomad;
  return { signal, ca: access.ca, headers: { [`X-${agent}-Token`]: token } };
}

/** The leader's "address:port"; "" if the agent knows none, whatever its answer for that is. Fails with a NoAnswer. */
export async function askForLeader(agent: AgentName, url: string, options: AskOptions): Promise<string> {
  try {
    // Without `stale`, a Nomad server that has no leader holds its answer back for five seconds, in case one comes.
    return await askAgent(agent, `${url}/v1/status/leader?stale`, leaderAnswer, options);
  } catch (error) {
    if (error instanceof NoAnswer && error.status === 500) return "";
    throw error;
  }
}
