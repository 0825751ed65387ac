import type { Command } from "commander";
import { progressOnStderr } from "../lib/progress.ts";
import { previewArguments } from "./stack/drift.ts";
import { followMovedPrograms } from "./stack/earlier-commands.ts";
import { lookAtStack } from "./stack/look.ts";
import { pulumi } from "./stack/stack.ts";
import { readState } from "./stack/state.ts";

const madeEarlier =
  "an earlier piinit made this stack: up does not touch steps below that differ only in their commands";

export function define(command: Command): void {
  command
    .argument("[stack]", "stack", "lab")
    .option("--diff", "show all details of the changes")
    .action(async (name: string, options: { diff?: boolean }) => {
      await lookAtStack(name, async (stack) => {
        const state = await readState(stack);
        if (followMovedPrograms(state) !== state) progressOnStderr().step(madeEarlier);
        const refresh = await previewArguments(state);
        await pulumi(stack, ["preview", ...refresh, ...(options.diff ? ["--diff"] : [])]);
      });
    });
}
