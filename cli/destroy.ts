import type { Command } from "commander";
import { lookAtCluster } from "./drift/gate.ts";
import { withAgents } from "./drift/providers.ts";
import { recover } from "./stack/recovery.ts";
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
    });
}

async function askAgentsThatAnswer(stack: Stack, state: StackState): Promise<void> {
  const agents = (await lookAtCluster(state))?.judgement.quorum;
  const corrected = agents ? withAgents(state, agents) : state;
  if (corrected !== state) await writeState(stack, corrected);
}
