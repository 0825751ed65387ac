import * as pulumi from "@pulumi/pulumi";
import { digest } from "../lib/json.ts";
import type { Access } from "../steps/agents.ts";
import { clusterStep, type Expectation, type ExpectedMachine, type ReadyCluster } from "../steps/cluster/contract.ts";
import { Step } from "./step.ts";

export interface ClusterReadyArgs {
  datacenter: string;
  machines: pulumi.Input<ExpectedMachine[]>;
  access: pulumi.Input<Access>;
  deadlineSeconds: number;
  remedy: string;
  /** What depends on the gate; if it changes, the gate checks again. */
  guards: pulumi.Input<unknown>;
}

/** The gate between machines and what runs on them: opens when Consul and Nomad have their quorum. */
export class ClusterReady extends pulumi.ComponentResource {
  readonly cluster: pulumi.Output<ReadyCluster>;

  constructor(name: string, args: ClusterReadyArgs, options?: pulumi.ComponentResourceOptions) {
    super("piinit:ClusterReady", name, {}, options);
    const expectation = pulumi.all([args.machines, args.access, args.guards]).apply(
      ([machines, access, guards]): Expectation => ({
        datacenter: args.datacenter,
        machines,
        access,
        deadlineSeconds: args.deadlineSeconds,
        remedy: args.remedy,
        guards: digest(guards),
      }),
    );
    const wait = new Step(
      "ready",
      clusterStep,
      { create: "wait", input: expectation },
      { parent: this, ...(options?.dependsOn && { dependsOn: options.dependsOn }) },
    );
    this.cluster = wait.answer();
    this.registerOutputs();
  }
}
