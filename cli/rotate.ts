import type { Command } from "commander";
import { UserError } from "../lib/errors.ts";
import { confirm, isTerminal } from "../lib/terminal.ts";
import { stackSettings } from "./stack/settings.ts";
import { prepareStack, runPulumi, type Stack } from "./stack/stack.ts";
import { bringUp } from "./up.ts";

const more = `
After a card or a computer was stolen, or its backup. The lab's machines get their new images one after the other, and the cluster stops for
as long as one of them takes to start. In a home, burn every card again; the cluster stops while the second of three is away.
Secrets of your own, such as keys, the Wi-Fi's and those of jobs, stay: change them by ./piinit secret.`;

/** Makes every certificate, token and gossip key of a stack anew. */
export function define(command: Command): void {
  command
    .argument("[stack]", "stack", "lab")
    .option("-y, --yes", "do not ask first")
    .addHelpText("after", more)
    .action(async (name: string, { yes = false }: { yes?: boolean }) => {
      const stack = await prepareStack(name);
      const { generation } = await stackSettings(stack);
      await requireConsent(name, yes);
      await runPulumi(stack, ["config", "set", "piinit:generation", String(generation + 1)]);
      if (stack.isLab) await bringUp(name, true);
      else tellCards(stack, generation + 1);
    });
}

async function requireConsent(stack: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!isTerminal()) throw new UserError("Nothing was changed: nobody can be asked here. Add --yes to do it.");
  if (await confirm(`Make all certificates, tokens and gossip keys of stack ${stack} anew?`)) return;
  throw new UserError("Nothing was changed.");
}

function tellCards({ name }: Stack, generation: number): void {
  process.stdout.write(
    `Stack ${name} has generation ${generation} now. Burn its cards again (./piinit burn IMAGE ${name}), one machine after the other, and run ./piinit up ${name} when most of the servers have theirs.\n`,
  );
}
