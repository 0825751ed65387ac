import * as pulumi from "@pulumi/pulumi";
import { accessStep, type WantedAccess } from "../steps/access/contract.ts";
import { type ExpectedMachine, isNomadServer } from "../steps/cluster/contract.ts";
import { consulServers, nomadServers } from "./machines.ts";
import type { Settings } from "./schema/stack.ts";
import type { ClusterSecrets } from "./secrets.ts";
import { Step } from "./step.ts";

export interface ClusterAccessArgs {
  settings: Settings;
  secrets: ClusterSecrets;
  machines: pulumi.Input<ExpectedMachine[]>;
}

/** The rights in Consul that the images' agents, and jobs, rely on. */
export class ClusterAccess extends pulumi.ComponentResource {
  constructor(
    name: string,
    { settings, secrets, machines }: ClusterAccessArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("piinit:ClusterAccess", name, {}, options);
    const wanted = pulumi.all([machines, secrets.access, secrets.tokens]).apply(
      ([machines, access, { consul: tokens }]): WantedAccess => ({
        consul: consulServers(machines),
        nomad: nomadServers(machines),
        access,
        images: imagesOf(settings, tokens.machine),
        tokens,
        jwksUrl: jwksUrl(machines),
        deadlineSeconds: settings.wait,
      }),
    );
    new Step(
      "access",
      accessStep,
      { create: "grant", input: wanted },
      {
        parent: this,
        ...(options?.dependsOn && { dependsOn: options.dependsOn }),
      },
    );
    this.registerOutputs();
  }
}

function imagesOf({ images, machines }: Settings, tokens: ClusterTokens): WantedAccess["images"] {
  return Object.keys(images).flatMap((name) => {
    const token = tokens[name];
    const names = machines.filter(({ image }) => image === name).map((machine) => machine.name);
    return token ? [{ name, machines: names, token }] : [];
  });
}

type ClusterTokens = Record<string, WantedAccess["tokens"]["dns"]>;

/** Each Consul server asks itself, where all of them are Nomad's servers, too; otherwise they ask Nomad's first server. */
function jwksUrl(machines: readonly ExpectedMachine[]): string {
  const servers = machines.filter(isNomadServer);
  const asksItself = machines.every((machine) => !machine.consulServer || isNomadServer(machine));
  const host = asksItself ? "127.0.0.1" : (servers[0]?.ip ?? "127.0.0.1");
  return `https://${host}:4646/.well-known/jwks.json`;
}
