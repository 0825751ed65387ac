import * as pulumi from "@pulumi/pulumi";
import type { Access } from "../steps/agents.ts";
import { planRouter } from "../steps/image/plan/plan.ts";
import { hostsDir, leaseFile } from "../steps/image/roles/router.ts";
import {
  type LabMachine,
  type LabRouter,
  labStep,
  type RunningMachine,
  type RunningRouter,
  type VirtualMachine,
} from "../steps/lab/contract.ts";
import { labRouterName } from "../steps/lab/facts.ts";
import type { DnsmasqSettings } from "../steps/router/drivers/dnsmasq/dnsmasq.ts";
import { labArchitecture } from "./host.ts";
import { Image } from "./image.ts";
import type { Machine, Settings } from "./schema/stack.ts";
import { Step } from "./step.ts";

export interface LabArgs {
  /** The lab's folder on the host: disks, sockets, logs. */
  dir: string;
  outputDir: string;
  hardware: NonNullable<Settings["lab"]>;
  network: Settings["network"];
  /** The machine that builds the router's image; default: this one. */
  builder?: Settings["builder"];
}

/** A virtual home: a router managed over SSH exactly like a real one, and machines that boot the images. */
export class Lab extends pulumi.ComponentResource {
  /** The lab's SSH key, which its machines accept. */
  readonly publicKey: pulumi.Output<string>;
  readonly router: pulumi.Output<DnsmasqSettings>;
  /** The resource with which everything in the lab is deleted, quickly and without asking the machines. */
  readonly folder: pulumi.Resource;

  private readonly args: LabArgs;

  constructor(name: string, args: LabArgs, options?: pulumi.ComponentResourceOptions) {
    super("piinit:Lab", name, {}, options);
    this.args = args;
    const folder = this.createFolder();
    this.folder = folder;
    this.publicKey = folder.answer().apply(({ publicKey }) => publicKey);
    this.router = this.createRouter().answer().apply(driverSettings);
    this.registerOutputs();
  }

  /** Starts the machines; they get a new image one at a time, so that the cluster keeps its quorum. */
  start(
    machines: Machine[],
    images: Record<string, Image>,
    access: pulumi.Output<Access>,
    reservations: pulumi.Resource,
  ): pulumi.Output<RunningMachine[]> {
    const steps: Step<typeof labStep, "machine-start">[] = [];
    for (const machine of machines)
      steps.push(this.createMachine(machine, images, access, [reservations, ...steps.slice(-1)]));
    return pulumi.all(steps.map((step) => step.answer()));
  }

  private createFolder() {
    return new Step(
      "lab-folder",
      labStep,
      { create: "lab-create", delete: "lab-delete", input: { dir: this.args.dir } },
      { parent: this },
    );
  }

  private createRouter() {
    const { builder, network, outputDir } = this.args;
    const manifest = this.publicKey.apply((key) => planRouter(network, [key], labArchitecture));
    const image = new Image(labRouterName, { manifest, outputDir, builder }, { parent: this });
    const spec = this.virtualMachine(labRouterName, image).apply(
      (machine): LabRouter => ({ ...machine, name: labRouterName, memoryMiB: 256, cpus: 1 }),
    );
    return new Step(
      "lab-router",
      labStep,
      { create: "router-start", delete: "router-stop", input: spec },
      { parent: this, deletedWith: this.folder },
    );
  }

  private createMachine(
    { name, mac, ip, image }: Machine,
    images: Record<string, Image>,
    access: pulumi.Output<Access>,
    after: pulumi.Resource[],
  ): Step<typeof labStep, "machine-start"> {
    const built = images[image];
    if (!built) throw new Error(`no image ${image}`); // Valid settings have it.
    const spec = pulumi
      .all([this.virtualMachine(name, built), access])
      .apply(([machine, access]): LabMachine => ({ ...machine, mac, ip, access }));
    return new Step(
      `machine-${name}`,
      labStep,
      { create: "machine-start", delete: "machine-stop", input: spec },
      { parent: this, dependsOn: after, deletedWith: this.folder },
    );
  }

  private virtualMachine(name: string, { built }: Image): pulumi.Output<VirtualMachine> {
    const { dir, hardware } = this.args;
    return built.apply(({ path, sha256 }) => ({ dir, name, image: { path, sha256 }, ...hardware }));
  }
}

function driverSettings({ port, user, hostKey, keyFile }: RunningRouter): DnsmasqSettings {
  return { kind: "dnsmasq", host: "127.0.0.1", port, user, hostKey, keyFile, hostsDir, leaseFile };
}
