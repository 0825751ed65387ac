import type { Command } from "commander";
import { UserError } from "../lib/errors.ts";
import { progressOnStderr } from "../lib/progress.ts";
import { interrupted } from "../lib/terminal.ts";
import { updateStep } from "../steps/update/contract.ts";
import { rollBack } from "../steps/update/update.ts";
import { lookAtStack } from "./stack/look.ts";
import { readState } from "./stack/state.ts";
import { storedSteps } from "./stack/steps.ts";

const more = `
Every machine keeps the image that it ran before its last update. It restarts with that one on trial, as with an update.
The next ./piinit up brings the newest again: change the settings back, too, to keep the older one.`;

export function define(command: Command): void {
  command
    .argument("<machine>", "machine to go back")
    .argument("[stack]", "stack", "home")
    .addHelpText("after", more)
    .action(async (name: string, stackName: string) => {
      const steps = await lookAtStack(stackName, async (stack) =>
        storedSteps(await readState(stack), updateStep, "update").map(({ input }) => input),
      );
      const machine = steps.find((input) => input.name === name);
      if (!machine) throw new UserError(noSuch(name, stackName, steps));
      const image = await rollBack(machine, { progress: progressOnStderr(), signal: interrupted });
      process.stdout.write(`${name} runs ${image}\n`);
    });
}

function noSuch(name: string, stack: string, known: readonly { name: string }[]): string {
  const names = known.map((machine) => machine.name).join(", ");
  return `Stack ${stack} has no machine ${name} that takes updates over the network; ${names ? `those are: ${names}` : "it has none"}`;
}
