import type { Command } from "commander";
import { previewArguments } from "./stack/drift.ts";
import { lookAtStack } from "./stack/look.ts";
import { pulumi } from "./stack/stack.ts";
import { readState } from "./stack/state.ts";

export function define(command: Command): void {
  command
    .argument("[stack]", "stack", "lab")
    .option("--diff", "show the changes in full")
    .action(async (name: string, options: { diff?: boolean }) => {
      await lookAtStack(name, async (stack) => {
        const refresh = await previewArguments(await readState(stack));
        await pulumi(stack, ["preview", ...refresh, ...(options.diff ? ["--diff"] : [])]);
      });
    });
}
