import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Access } from "../steps/agents.ts";
import type { ImageSecurity } from "../steps/image/manifest/contribution.ts";
import { accessOf } from "../steps/security/access.ts";
import { subjectOf } from "../steps/security/agent-names.ts";
import { type Authority, type Certified, securityStep } from "../steps/security/contract.ts";
import { type Tokens, tokensOf } from "../steps/security/tokens.ts";
import { updateServerName } from "../steps/update-messages.ts";
import type { Settings } from "./schema/stack.ts";
import { Step } from "./step.ts";
import { takesUpdates } from "./takes-updates.ts";

/** By which machines know updates, and the computer that they get them from. */
export interface UpdateSecrets {
  /** Another one would be refused by every card that is in use, so generations leave it as it is. */
  signer: pulumi.Output<Certified>;
  server: pulumi.Output<Certified>;
  access: pulumi.Output<Access>;
}

/** Secrets that the cluster shares, made once and kept in the stack's state. */
export class ClusterSecrets extends pulumi.ComponentResource {
  readonly gossipKeys: pulumi.Output<{ consul: string; nomad: string }>;
  /** What opens the agents. */
  readonly access: pulumi.Output<Access>;
  readonly tokens: pulumi.Output<Tokens>;
  /** What the agents of each image hold, by the image's name. */
  readonly images: Record<string, pulumi.Output<ImageSecurity>>;
  /** Undefined if no machine takes updates over the network. */
  readonly updates: UpdateSecrets | undefined;

  constructor(name: string, settings: Settings, options?: pulumi.ComponentResourceOptions) {
    super("piinit:ClusterSecrets", name, {}, options);
    const { generation, network } = settings;
    this.gossipKeys = this.createGossipKeys(name, generation);
    const authority = this.createAuthority(name, network, generation);
    const images = Object.keys(settings.images);
    this.access = authority.apply(accessOf);
    this.tokens = authority.apply(({ secret }) => tokensOf(secret, images));
    this.images = Object.fromEntries(
      images.map((image) => [image, this.createCertificate(image, authority, settings)]),
    );
    this.updates = Object.values(settings.images).some(takesUpdates) ? this.createUpdates(name, authority) : undefined;
    this.registerOutputs();
  }

  private createUpdates(name: string, authority: pulumi.Output<Authority>): UpdateSecrets {
    const signer = new Step(`${name}-signer`, securityStep, { create: "signer", input: {} }, { parent: this }).answer();
    const subject = { commonName: "updates", names: [updateServerName], addresses: [] };
    const input = authority.apply(({ certificate, key }) => ({ authority: { certificate, key }, ...subject }));
    const server = new Step(
      `${name}-updates`,
      securityStep,
      { create: "certificate", input },
      { parent: this },
    ).answer();
    return { signer, server, access: this.access };
  }

  private createGossipKeys(name: string, generation: number): ClusterSecrets["gossipKeys"] {
    const gossipKey = (agent: string) =>
      new command.local.Command(
        `${name}-${agent}-gossip`,
        {
          create: "head -c 32 /dev/urandom | base64",
          logging: command.local.Logging.None,
          addPreviousOutputInEnv: false,
          // Clusters from before there were generations keep the first one's keys.
          ...(generation > 1 && { triggers: [generation] }),
        },
        // Changing how keys are made must not change the key of a running cluster.
        { parent: this, additionalSecretOutputs: ["stdout"], ignoreChanges: ["create"] },
      ).stdout;
    return pulumi.secret(
      pulumi.all([gossipKey("consul"), gossipKey("nomad")]).apply(([consul, nomad]) => ({ consul, nomad })),
    );
  }

  private createAuthority(
    name: string,
    { domain, cidr }: Settings["network"],
    generation: number,
  ): pulumi.Output<Authority> {
    return new Step(
      `${name}-authority`,
      securityStep,
      { create: "authority", input: { domain, cidr, generation } },
      { parent: this },
    ).answer();
  }

  private createCertificate(
    image: string,
    authority: pulumi.Output<Authority>,
    { datacenter, images, machines }: Settings,
  ): pulumi.Output<ImageSecurity> {
    const { consul = "client", nomad } = images[image]?.roles ?? {};
    const addresses = machines.filter((machine) => machine.image === image).map(({ ip }) => ip);
    const subject = subjectOf({ name: image, consul, nomad: nomad?.role, addresses }, datacenter);
    const certificate = new Step(
      `certificate-${image}`,
      securityStep,
      {
        create: "certificate",
        input: authority.apply(({ certificate, key }) => ({ authority: { certificate, key }, ...subject })),
      },
      { parent: this },
    ).answer();
    return pulumi
      .all([authority, this.tokens, certificate])
      .apply(([{ certificate: ca }, tokens, own]) => ({ ca, ...own, tokens: heldBy(image, tokens) }));
  }
}

/** The tokens that the machines of an image hold. */
export function heldBy(image: string, { consul, nomad, prometheusPage }: Tokens): ImageSecurity["tokens"] {
  return {
    consulManagement: consul.management.secret,
    recovery: consul.recovery.secret,
    machine: consul.machine[image]?.secret ?? "",
    dns: consul.dns.secret,
    nomadServer: consul.nomadServer.secret,
    nomadClient: consul.nomadClient.secret,
    nomadManagement: nomad.management.secret,
    prometheus: consul.prometheus.secret,
    prometheusPage: prometheusPage.secret,
  };
}
