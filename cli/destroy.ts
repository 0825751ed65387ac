import { rm } from "node:fs/promises";
import type { Command } from "commander";
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
  const agents = (await lookAtCluster(state))?.judgement.quorum;
  const corrected = agents ? withAgents(state, agents) : state;
  if (corrected !== state) await writeState(stack, corrected);
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
