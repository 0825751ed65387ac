import { setTimeout as pause } from "node:timers/promises";
import { UserError } from "../lib/errors.ts";
import { putBytes } from "../lib/http.ts";
import type { Context } from "../lib/program.ts";
import type { AgentName } from "../steps/agents.ts";
import type { Cluster } from "../steps/cluster/contract.ts";
import { type AgentSnapshot, snapshotRequest } from "./fetch.ts";
import { askFirst, serversOf, serversWithLeader } from "./servers.ts";

const electionMs = 180_000;
const pollMs = 1000;

/**
 * Replaces all that the servers have with a snapshot. An agent checks a snapshot before it uses it, so it has either
 * the old data or the new.
 * @throws UserError if there is no leader, or the servers refuse
 */
export async function restoreAgent(
  agent: AgentName,
  { archive }: AgentSnapshot,
  cluster: Cluster,
  { progress, signal }: Context,
): Promise<void> {
  progress.step(`${agent}: restoring ${archive.length} bytes`);
  const servers = await serversWithLeader(agent, serversOf(agent, cluster), signal);
  await askFirst(agent, `Restoring ${agent}`, servers, signal, (server) =>
    putBytes({ ...snapshotRequest(agent, server, signal), body: archive }),
  );
}

/** Waits until all that have servers also have a leader. @throws UserError after three minutes */
export async function awaitLeaders(cluster: Cluster, { progress, signal }: Context): Promise<void> {
  const end = performance.now() + electionMs;
  for (const agent of ["Consul", "Nomad"] as const) {
    const servers = serversOf(agent, cluster);
    if (servers.length === 0) continue;
    for (let said = false; ; said = true) {
      const problem = await serversWithLeader(agent, servers, signal).then(() => undefined, asUserError);
      if (!problem) break;
      if (performance.now() > end) throw problem;
      if (!said) progress.step(`waiting for ${agent}'s leader`);
      await pause(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
    progress.step(`${agent} has a leader`);
  }
}

function asUserError(error: unknown): UserError {
  if (error instanceof UserError) return error;
  throw error;
}
