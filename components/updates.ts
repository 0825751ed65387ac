import * as pulumi from "@pulumi/pulumi";
import type { ExpectedMachine } from "../steps/cluster/contract.ts";
import { updateStep } from "../steps/update/contract.ts";
import type { Image } from "./image.ts";
import { consulServers, nomadServers } from "./machines.ts";
import type { Machine, Settings } from "./schema/stack.ts";
import type { UpdateSecrets } from "./secrets.ts";
import { Step } from "./step.ts";
import { takesUpdates } from "./takes-updates.ts";

export interface UpdatesArgs {
  settings: Settings;
  secrets: UpdateSecrets;
  images: Record<string, Image>;
  machines: pulumi.Output<ExpectedMachine[]>;
}

/** Brings new images to machines over the network: one after the other, so that a bad image stops at the first. */
export class Updates extends pulumi.ComponentResource {
  constructor(name: string, args: UpdatesArgs, options?: pulumi.ComponentResourceOptions) {
    super("piinit:Updates", name, {}, options);
    const { settings, images } = args;
    let before = options?.dependsOn;
    for (const machine of inOrder(settings)) {
      const image = images[machine.image];
      if (!image) continue;
      const step = new Step(
        `update-${machine.name}`,
        updateStep,
        { create: "update", input: wantedBy(machine, image, args) },
        { parent: this, ...(before && { dependsOn: before }) },
      );
      before = [step];
    }
    this.registerOutputs();
  }
}

function wantedBy({ name, ip }: Machine, { built }: Image, { settings, secrets, machines }: UpdatesArgs) {
  const { address, port } = settings.updates;
  return pulumi
    .all([machines, secrets.access, secrets.server, built])
    .apply(([all, access, server, { path: image }]) => ({
      name,
      ip,
      image,
      consul: consulServers(all),
      nomad: nomadServers(all),
      access,
      server,
      ...(address !== undefined && { address }),
      ...(port !== undefined && { port }),
    }));
}

/** Servers first: what a bad image does to one shows there, while it can do without it. */
export function inOrder({ images, machines }: Pick<Settings, "images" | "machines">): Machine[] {
  const isServer = ({ image }: Machine) => images[image]?.roles.consul === "server";
  const updated = machines.filter(({ image }) => takesUpdates(images[image]));
  return [...updated.filter(isServer), ...updated.filter((machine) => !isServer(machine))];
}
