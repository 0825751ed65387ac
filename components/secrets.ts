import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";

/** Secrets that the cluster shares, made once and kept in the stack's state. */
export class ClusterSecrets extends pulumi.ComponentResource {
  readonly gossipKeys: pulumi.Output<{ consul: string; nomad: string }>;

  constructor(name: string, options?: pulumi.ComponentResourceOptions) {
    super("piinit:ClusterSecrets", name, {}, options);
    const gossipKey = (agent: string) =>
      new command.local.Command(
        `${name}-${agent}-gossip`,
        {
          create: "head -c 32 /dev/urandom | base64",
          logging: command.local.Logging.None,
          addPreviousOutputInEnv: false,
        },
        // Changing how keys are made must not change the key of a running cluster.
        { parent: this, additionalSecretOutputs: ["stdout"], ignoreChanges: ["create"] },
      ).stdout;
    this.gossipKeys = pulumi.secret(
      pulumi.all([gossipKey("consul"), gossipKey("nomad")]).apply(([consul, nomad]) => ({ consul, nomad })),
    );
    this.registerOutputs();
  }
}
