import type { Command } from "commander";
import { lookDuring } from "../toolchain/official.ts";
import { correctDrift, previewArguments } from "./stack/drift.ts";
import { upAgainAfterElection } from "./stack/elections.ts";
import { lookAtStack } from "./stack/look.ts";
import { fetchImagePrograms } from "./stack/programs.ts";
import { recover } from "./stack/recovery.ts";
import { stackSettings } from "./stack/settings.ts";
import { prepareStack, pulumi, type Stack } from "./stack/stack.ts";
import { readState, type StackState } from "./stack/state.ts";

/** up, preview and destroy: Pulumi's own, on a stack that is made ready first. */
export function addLifecycle(program: Command): void {
  addAction(program, "up", "make everything as the stack's settings say", async (stack, state) => {
    await correctDrift(stack, state);
    const settings = await stackSettings(stack);
    if (!settings.builder) await fetchImagePrograms(settings);
  });

  program
    .command("preview")
    .description("show what up would do")
    .argument("[stack]", "stack", "lab")
    .option("--diff", "show the changes in full")
    .action(async (name: string, options: { diff?: boolean }) => {
      await lookAtStack(name, async (stack) => {
        const refresh = await previewArguments(await readState(stack));
        await pulumi(stack, ["preview", ...refresh, ...(options.diff ? ["--diff"] : [])]);
      });
    });

  addAction(program, "destroy", "take all of it down again");
}

/** The lab is there to be made and thrown away; for everything else Pulumi shows its plan and asks. */
function addAction(
  program: Command,
  name: string,
  description: string,
  prepare?: (stack: Stack, state: StackState) => Promise<void>,
): void {
  program
    .command(name)
    .description(description)
    .argument("[stack]", "stack", "lab")
    .option("-y, --yes", "do not ask first (the lab never asks)")
    .action(async (stackName: string, { yes }: { yes?: boolean }) => {
      const stack = await prepareStack(stackName, () => name === "up");
      const state = await recover(stack);
      await prepare?.(stack, state);
      const run = () => pulumi(stack, [name, ...(stack.isLab || yes ? ["--yes", "--skip-preview"] : [])]);
      await (name === "up" ? lookDuring({ env: stack.env }, run) : run());
      if (name === "up" && process.exitCode !== 0) await upAgainAfterElection(stack, state);
    });
}
