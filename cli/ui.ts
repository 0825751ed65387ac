import { once } from "node:events";
import type { Command } from "commander";
import { z } from "zod";
import { UserError } from "../lib/errors.ts";
import { unlessSilent } from "../lib/http.ts";
import { interrupted } from "../lib/terminal.ts";
import { askAgent, plainText } from "../steps/agents.ts";
import { clusterPage, prometheusUser } from "../steps/image/manifest/contribution.ts";
import { agentsIn, prometheusPasswordIn, type StackAgents } from "./stack/agents.ts";
import { lookAtStack } from "./stack/look.ts";
import type { Stack } from "./stack/stack.ts";
import { readState } from "./stack/state.ts";
import { openPage, type Target } from "./ui/page.ts";

const more = `
They are Consul's and Nomad's and, where the stack has a Prometheus, except in a lab, one of the cluster at a glance. They are on this
computer, at 127.0.0.1, until ^C. A link is a key: whoever opens it is signed in as you are.`;

/** Opens the cluster's own pages on this computer, signed in. */
export function define(command: Command): void {
  command
    .argument("[stack]", "stack", "lab")
    .addHelpText("after", more)
    .action(async (name: string) => {
      const pages = await Promise.all(
        (await lookAtStack(name, targetsOf)).map(async ({ who, ...target }) => ({ who, ...(await openPage(target)) })),
      );
      for (const { who, link } of pages) process.stdout.write(`${who.padEnd(10)} ${link}\n`);
      process.stderr.write("Open a link in your browser. ^C ends it.\n");
      await once(interrupted, "abort");
      for (const { close } of pages) close();
    });
}

type NamedTarget = Target & { who: string };

async function targetsOf(stack: Stack): Promise<NamedTarget[]> {
  const state = await readState(stack);
  const agents = agentsIn(state);
  if (!agents) throw new UserError(`Stack ${stack.name} has no cluster yet: run ./piinit up ${stack.name} first.`);
  const { consulUrl, nomadUrl, access } = agents;
  const { ca } = access;
  // From outside a lab, its machines' other ports can't be reached.
  const [prometheus] = stack.isLab ? [] : await addressesOf("prometheus", agents);
  const login = Buffer.from(`${prometheusUser}:${prometheusPasswordIn(state)}`).toString("base64");
  return [
    { who: "Consul", url: consulUrl, start: "/", ca, header: "X-Consul-Token", token: access.consul },
    ...(nomadUrl
      ? [{ who: "Nomad", url: nomadUrl, start: "/", ca, header: "X-Nomad-Token", token: access.nomad }]
      : []),
    ...(prometheus
      ? [
          {
            who: "Cluster",
            url: `https://${prometheus}`,
            start: clusterPage,
            ca,
            header: "Authorization",
            token: `Basic ${login}`,
          },
        ]
      : []),
  ];
}

const serviceAnswer = z.array(z.object({ Address: plainText, ServicePort: z.int() }));

/** "IP:PORT" of a service's instances; none if Consul doesn't answer. */
async function addressesOf(service: string, { consulUrl, access }: StackAgents): Promise<string[]> {
  const url = `${consulUrl}/v1/catalog/service/${service}`;
  const found = await unlessSilent(askAgent("Consul", url, serviceAnswer, { access, signal: interrupted }));
  return (found ?? []).map(({ Address, ServicePort }) => `${Address}:${ServicePort}`);
}
