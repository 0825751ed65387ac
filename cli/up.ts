import type { Command } from "commander";
import { lookDuring } from "../toolchain/official.ts";
import { correctDrift } from "./stack/drift.ts";
import { upAgainAfterElection } from "./stack/elections.ts";
import { fetchImagePrograms } from "./stack/programs.ts";
import { recover } from "./stack/recovery.ts";
import { stackSettings } from "./stack/settings.ts";
import { consent, prepareStack, pulumi } from "./stack/stack.ts";

export function define(command: Command): void {
  command
    .argument("[stack]", "stack", "lab")
    .option("-y, --yes", "do not ask first (the lab never asks)")
    .action(async (name: string, { yes }: { yes?: boolean }) => {
      const stack = await prepareStack(name, () => true);
      const state = await recover(stack);
      await correctDrift(stack, state);
      const settings = await stackSettings(stack);
      if (!settings.builder) await fetchImagePrograms(settings);
      await lookDuring({ env: stack.env }, () => pulumi(stack, ["up", ...consent(stack, yes)]));
      if (process.exitCode !== 0) await upAgainAfterElection(stack, state);
    });
}
