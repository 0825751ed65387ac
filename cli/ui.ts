import { once } from "node:events";
import type { Command } from "commander";
import { UserError } from "../lib/errors.ts";
import { interrupted } from "../lib/terminal.ts";
import { agentsIn, type StackAgents } from "./stack/agents.ts";
import { lookAtStack } from "./stack/look.ts";
import { readState } from "./stack/state.ts";
import { openPage, type Target } from "./ui/page.ts";

const more = `
The pages are on this computer, at 127.0.0.1, until ^C. A link is a key: whoever opens it is signed in as you are.`;

/** Opens Consul's and Nomad's own pages on this computer, signed in. */
export function define(command: Command): void {
  command
    .argument("[stack]", "stack", "lab")
    .addHelpText("after", more)
    .action(async (name: string) => {
      const agents = agentsIn(await lookAtStack(name, readState));
      if (!agents) throw new UserError(`Stack ${name} has no cluster yet: run ./piinit up ${name} first.`);
      const pages = await Promise.all(
        targetsOf(agents).map(async ({ who, ...target }) => ({ who, ...(await openPage(target)) })),
      );
      for (const { who, link } of pages) process.stdout.write(`${who.padEnd(7)} ${link}\n`);
      process.stderr.write("Open a link in your browser. ^C ends it.\n");
      await once(interrupted, "abort");
      for (const { close } of pages) close();
    });
}

function targetsOf({ consulUrl, nomadUrl, access }: StackAgents): (Target & { who: string })[] {
  const { ca, consul, nomad } = access;
  return [
    { who: "Consul", url: consulUrl, ca, header: "X-Consul-Token", token: consul },
    ...(nomadUrl === undefined ? [] : [{ who: "Nomad", url: nomadUrl, ca, header: "X-Nomad-Token", token: nomad }]),
  ];
}
