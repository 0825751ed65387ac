import { rm } from "node:fs/promises";
import type { Command } from "commander";
import { progressOnStderr } from "../lib/progress.ts";
import { canElect } from "../steps/cluster/patience.ts";
import type { Agents } from "../steps/cluster/quorum.ts";
import { lookAtCluster } from "./drift/gate.ts";
import { withAgents } from "./drift/providers.ts";
import { recover } from "./stack/recovery.ts";
import { snapshotsDir, snapshotsOf } from "./stack/snapshots.ts";
import { consent, prepareStack, pulumi, type Stack } from "./stack/stack.ts";
import { type StackState, writeState } from "./stack/state.ts";

export function define(command: Command): void {
  command
    .argument("[stack]", "stack", "lab")
    .option("-y, --yes", "do not ask first (the lab never asks)")
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      const stack = await prepareStack(name);
      const state = await recover(stack);
      // A lab's keys and jobs are removed with its machines.
      if (!stack.isLab) await askAgentsThatAnswer(stack, state);
      await pulumi(stack, ["destroy", ...consent(stack, yes)]);
      if (process.exitCode === 0) await leaveSnapshots(stack);
    });
}

async function askAgentsThatAnswer(stack: Stack, state: StackState): Promise<void> {
  const agents = await agentsThatAnswer(state);
  const corrected = agents ? withAgents(state, agents) : state;
  if (corrected !== state) await writeState(stack, corrected);
}

/** An election takes some seconds, on a busy machine more. */
const electionMs = 30_000;

/** Agents of a cluster with a quorum; waits for one while so many servers answer that they can elect a leader. */
async function agentsThatAnswer(state: StackState): Promise<Agents | undefined> {
  const end = performance.now() + electionMs;
  for (let isFirst = true; ; isFirst = false) {
    const cluster = await lookAtCluster(state);
    if (!cluster || cluster.judgement.quorum) return cluster?.judgement.quorum;
    const { gate, judgement } = cluster;
    if (!canElect(gate.input, judgement.findings) || performance.now() > end) return undefined;
    if (isFirst) progressOnStderr().step("the cluster has no leader: destroy waits until it has elected one");
  }
}

/** A lab is disposable, and its snapshots with it. */
async function leaveSnapshots({ name, isLab }: Stack): Promise<void> {
  if (isLab) return rm(snapshotsDir(name), { recursive: true, force: true });
  const count = (await snapshotsOf(name)).length;
  if (count === 0) return;
  process.stderr.write(
    `Snapshots of what was in Consul and Nomad are still in ${snapshotsDir(name)} (${count}). Remove that folder if you don't need them.\n`,
  );
}
