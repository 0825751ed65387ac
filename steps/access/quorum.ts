import { z } from "zod";
import { putBytes } from "../../lib/http.ts";
import { type Access, type AgentName, askAgent, credentials } from "../agents.ts";
import { autopilotOf } from "../autopilot.ts";
import { isAsWanted } from "./consul-acl.ts";

interface Options {
  access: Access;
  signal?: AbortSignal | undefined;
  /** Counts what would be written, and writes nothing. */
  onlyLooks?: boolean;
}

const configuration = z.record(z.string(), z.unknown());

/**
 * Lets the servers of the settings keep their votes while they are off. Fails with a NoAnswer.
 * @param servers how many there are
 * @returns how many settings had to be written: one or none
 */
export async function keepVotes(agent: AgentName, url: string, servers: number, options: Options): Promise<number> {
  const { access, signal, onlyLooks = false } = options;
  const at = `${url}/v1/operator/autopilot/configuration`;
  const now = await askAgent(agent, at, configuration, { access, signal });
  const wanted = autopilotOf(servers);
  if (isAsWanted(wanted, now)) return 0;
  const body = Buffer.from(JSON.stringify({ ...now, ...wanted }));
  const asker = credentials(agent, at, { access, signal });
  if (!onlyLooks) await putBytes({ who: agent, url: at, body, timeoutMs: 5000, ...asker });
  return 1;
}
