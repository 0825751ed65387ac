import * as consul from "@pulumi/consul";
import * as pulumi from "@pulumi/pulumi";
import type { Access } from "../steps/agents.ts";

export interface ConsulKeysArgs {
  consulUrl: pulumi.Input<string>;
  access: pulumi.Output<Access>;
  datacenter: pulumi.Input<string>;
  /** Key path → value. */
  values: Record<string, pulumi.Input<string>>;
  /** If this is deleted, the keys go with it and need not be deleted one by one. */
  deletedWith?: pulumi.Resource | undefined;
}

/** Consul keys, one resource each, removed on destroy; no other key is touched. Without keys there is no provider. */
export class ConsulKeys extends pulumi.ComponentResource {
  constructor(name: string, args: ConsulKeysArgs, options?: pulumi.ComponentResourceOptions) {
    // What keys wait for, their provider does not, so its plugin starts meanwhile.
    const { dependsOn, ...others } = options ?? {};
    super("piinit:ConsulKeys", name, {}, others);
    if (Object.keys(args.values).length > 0) this.createKeys(args, dependsOn);
    this.registerOutputs();
  }

  private createKeys(args: ConsulKeysArgs, dependsOn: pulumi.ComponentResourceOptions["dependsOn"]): void {
    const { consulUrl: address, access } = args;
    const provider = new consul.Provider(
      "consul",
      { address, token: access.consul, caPem: access.ca },
      { parent: this },
    );
    for (const [path, value] of Object.entries(args.values)) {
      new consul.Keys(
        path,
        { datacenter: args.datacenter, keys: [{ path, value, delete: true }] },
        {
          parent: this,
          provider,
          ...(dependsOn && { dependsOn }),
          ...(args.deletedWith && { deletedWith: args.deletedWith }),
        },
      );
    }
  }
}
