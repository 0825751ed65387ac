import type { Command } from "commander";
import { recover } from "./stack/recovery.ts";
import { consent, prepareStack, pulumi } from "./stack/stack.ts";

export function define(command: Command): void {
  command
    .argument("[stack]", "stack", "lab")
    .option("-y, --yes", "do not ask first (the lab never asks)")
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      const stack = await prepareStack(name);
      await recover(stack);
      await pulumi(stack, ["destroy", ...consent(stack, yes)]);
    });
}
