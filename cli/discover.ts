import type { Command } from "commander";
import type { Settings } from "../components/schema/stack.ts";
import { UserError } from "../lib/errors.ts";
import { silent } from "../lib/progress.ts";
import { interrupted } from "../lib/terminal.ts";
import { hostOf, openRouter } from "../steps/router/catalogue.ts";
import { leaseTable, linesToAdd } from "./discover/found.ts";
import { lookAtStack } from "./stack/look.ts";
import { stackSettings } from "./stack/settings.ts";

/** Shows who has an address from the stack's router. Changes nothing. */
export function define(command: Command): void {
  command
    .argument("<stack>", "stack")
    .option("--add", "print lines for the stack's file instead: the Raspberry Pis that it lacks")
    .action(async (name: string, { add }: { add?: boolean }) => {
      const settings = await lookAtStack(name, (stack) => stackSettings(stack));
      const lines = await discover(name, settings, add === true);
      process.stdout.write(lines.map((line) => `${line}\n`).join(""));
    });
}

async function discover(stack: string, { lab, network, machines, images }: Settings, add: boolean): Promise<string[]> {
  if (lab) throw new UserError(`${stack} is a lab, which has no other machines than its own: ./piinit status ${stack}`);
  const router = openRouter(network.router, { progress: silent, signal: interrupted });
  const leases = await router.leases();
  if (leases === undefined)
    throw new UserError(
      `piinit can't ask ${router.title} for its leases: look at the list of devices on its own pages`,
    );
  if (!add) return leaseTable(leases, machines);
  const host = hostOf(network.router);
  const image = machines.at(-1)?.image ?? Object.keys(images)[0] ?? "server";
  const lines = linesToAdd(leases, { machines, cidr: network.cidr, image, ...(host && { taken: [host] }) });
  if (lines.length > 0) return lines;
  throw new UserError(
    "no Raspberry Pi has an address from the router that isn't in the stack yet: switch it on, with a card in it",
  );
}
