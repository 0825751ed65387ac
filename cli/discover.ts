import { readFile, stat } from "node:fs/promises";
import type { Command } from "commander";
import type { Settings } from "../components/schema/stack.ts";
import { describeError, UserError } from "../lib/errors.ts";
import { writeFileWhole } from "../lib/files.ts";
import { silent } from "../lib/progress.ts";
import { interrupted, question } from "../lib/terminal.ts";
import type { CurrentLease } from "../steps/router/base/driver.ts";
import { hostOf, openRouter } from "../steps/router/catalogue.ts";
import { askForMachines } from "./discover/ask.ts";
import { leaseTable, linesToAdd, machineText, type NewMachine } from "./discover/found.ts";
import { loadMakers } from "./discover/makers.ts";
import { withMachines } from "./discover/stack-text.ts";
import { lookAtStack } from "./stack/look.ts";
import { stackSettings } from "./stack/settings.ts";
import { stackFileOf } from "./stack/stack-file.ts";

/** Shows who has an address from the stack's router and, on a terminal, adds machines to the stack's file. */
export function define(command: Command): void {
  command
    .argument("<stack>", "stack")
    .option("--add", "print lines for the stack's file instead: the Raspberry Pis that it lacks")
    .addHelpText("after", "\nOn a terminal, it then asks which of them to write into the stack's file.")
    .action(async (name: string, { add }: { add?: boolean }) => {
      const settings = await lookAtStack(name, (stack) => stackSettings(stack));
      const leases = await leasesOf(name, settings);
      if (add) print(piLines(leases, settings));
      else if (process.stdin.isTTY && process.stdout.isTTY) await addFound(name, leases, settings);
      else print(leaseTable(leases, settings.machines, await loadMakers()));
    });
}

const print = (lines: readonly string[]) => process.stdout.write(lines.map((line) => `${line}\n`).join(""));

async function leasesOf(stack: string, { lab, network }: Settings): Promise<CurrentLease[]> {
  if (lab) throw new UserError(`${stack} is a lab, which has no other machines than its own: ./piinit status ${stack}`);
  const router = openRouter(network.router, { progress: silent, signal: interrupted });
  const leases = await router.leases();
  if (leases) return leases;
  throw new UserError(`piinit can't ask ${router.title} for its leases: look at the list of devices on its own pages`);
}

function piLines(leases: readonly CurrentLease[], settings: Settings): string[] {
  const lines = linesToAdd(leases, knownOf(settings));
  if (lines.length > 0) return lines;
  throw new UserError(
    "no Raspberry Pi has an address from the router that isn't in the stack yet: switch it on, with a card in it",
  );
}

/** What a new machine has to fit. */
function knownOf({ machines, images, network }: Settings) {
  const names = Object.keys(images);
  const host = hostOf(network.router);
  const image = machines.at(-1)?.image ?? names[0] ?? "server";
  return { machines, cidr: network.cidr, images: names, image, taken: host === undefined ? [] : [host] };
}

async function addFound(stack: string, leases: readonly CurrentLease[], settings: Settings): Promise<void> {
  print(
    leaseTable(leases, settings.machines, await loadMakers(), { numbered: true, width: process.stdout.columns || 80 }),
  );
  const ask = (text: string) => question(text, { meaning: "Interrupted. The stack's file is as it was." });
  const added = await askForMachines(leases, knownOf(settings), ask);
  if (added.length > 0) await write(stack, added);
}

async function write(stack: string, added: readonly NewMachine[]): Promise<void> {
  const file = stackFileOf(stack);
  const lines = added.map((machine) => `    - ${machineText(machine)}`);
  try {
    const text = withMachines(await readFile(file, "utf8"), added);
    await writeFileWhole(file, text, (await stat(file)).mode & 0o777);
  } catch (error) {
    throw new UserError([(error as Error).message, ...lines].join("\n"), { cause: error });
  }
  print([`Added to stacks/Pulumi.${stack}.yaml:`, ...lines]);
  // What doesn't fit together yet, such as four servers, is no reason to lose what was typed.
  const problem = await lookAtStack(stack, (found) => stackSettings(found)).catch(describeError);
  print(typeof problem === "string" ? ["", problem] : [`Next: ./piinit preview ${stack}`]);
}
