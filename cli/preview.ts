import type { Command } from "commander";
import { correct } from "./drift/correction.ts";
import { findDrift, tell } from "./drift/drift.ts";
import { followMovedPrograms } from "./stack/earlier-commands.ts";
import { lookAtStack, withState } from "./stack/look.ts";
import { pulumi } from "./stack/stack.ts";
import { readState, resolvePending } from "./stack/state.ts";

export function define(command: Command): void {
  command
    .argument("[stack]", "stack", "lab")
    .option("--diff", "show all details of the changes")
    .action(async (name: string, options: { diff?: boolean }) => {
      await lookAtStack(name, async (stack) => {
        const state = await readState(stack);
        const followed = resolvePending(followMovedPrograms(state));
        const drift = await findDrift(followed);
        const corrections = [...drift.gate, ...drift.corrections];
        tell(corrections);
        const corrected = correct(followed, corrections);
        const view = corrected === state ? stack : await withState(stack, corrected);
        await pulumi(view, ["preview", ...(options.diff ? ["--diff"] : [])]);
      });
    });
}
