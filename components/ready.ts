import * as pulumi from "@pulumi/pulumi";
import { digest } from "../lib/json.ts";
import { clusterStep, type Expectation, type ExpectedMachine, type ReadyCluster } from "../steps/cluster/contract.ts";
import type { Settings } from "./schema/stack.ts";
import { Step } from "./step.ts";

export interface ClusterReadyArgs {
  datacenter: string;
  machines: pulumi.Input<ExpectedMachine[]>;
  deadlineSeconds: number;
  remedy: string;
  /** What depends on the gate; if it changes, the gate checks again. */
  guards: pulumi.Input<unknown>;
}

/** What to do with a machine that does not answer; NAME and IMAGE stand for its own. */
export function remedy(stack: string, { lab }: Settings): string {
  const option = stack === "lab" ? "" : ` --stack ${stack}`;
  return lab
    ? `see \`./piinit lab console NAME${option}\`; \`./piinit lab start NAME${option}\` starts it`
    : `check its power and its network cable, or burn its card (\`./piinit burn IMAGE ${stack}\`); then run up again`;
}

/** The gate between machines and what runs on them: opens when Consul and Nomad have their quorum. */
export class ClusterReady extends pulumi.ComponentResource {
  readonly cluster: pulumi.Output<ReadyCluster>;

  constructor(name: string, args: ClusterReadyArgs, options?: pulumi.ComponentResourceOptions) {
    super("piinit:ClusterReady", name, {}, options);
    const expectation = pulumi.all([args.machines, args.guards]).apply(
      ([machines, guards]): Expectation => ({
        datacenter: args.datacenter,
        machines,
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
