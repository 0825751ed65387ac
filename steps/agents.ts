import { z } from "zod";
import { askJson } from "../lib/http.ts";

/** The agents that make a machine part of a cluster; both answer the same questions on leader and servers. */
export type AgentName = "Consul" | "Nomad";

/** A text that may be shown: nothing in it moves a terminal's cursor. */
export const plainText = z
  .string()
  .max(1000)
  .regex(/^\P{C}*$/u);

/** "address:port" of the leader, "" where there is none. */
export const leaderAnswer = plainText;

/** What autopilot tells of a cluster's servers; an address is "IP:PORT". */
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

export interface AskOptions {
  /** For the whole answer. */
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
}

const requestMs = 5000;

/** An agent's answer, if it is one of that agent. Fails with a NoAnswer. */
export function askAgent<T>(
  agent: AgentName,
  url: string,
  schema: z.ZodType<T>,
  { timeoutMs = requestMs, signal }: AskOptions = {},
): Promise<T> {
  // 429 is autopilot's way to say that not all is well; what it says beside is what was asked for.
  return askJson({ who: agent, url, schema, timeoutMs, signal, alsoStatus: 429 });
}
