import { statusKey, wantedKey } from "../update-messages.ts";
import type { Token, WantedAccess } from "./contract.ts";

/** Consul's objects, in the spelling of its API. */
export interface Policy {
  Name: string;
  Rules: string;
}

export interface ConsulToken {
  AccessorID: string;
  SecretID: string;
  Description: string;
  Local: boolean;
  Policies: { Name: string }[];
  TemplatedPolicies: { TemplateName: string }[];
}

export interface BindingRule {
  AuthMethod: string;
  BindType: "service" | "role";
  BindName: string;
  Selector: string;
}

/** Marks the tokens that are ours to remove. */
export const ourTokens = "piinit: ";

/** As `nomad setup consul` calls it. */
export const authMethodName = "nomad-workloads";

const read = (...kinds: string[]) => kinds.map((kind) => `${kind}_prefix "" { policy = "read" }\n`).join("");
const writeServices = 'service_prefix "" { policy = "write" }\n';

/** What the agents and Prometheus may do. An image is shared, but whose it is is known: a stolen card speaks for its own image's machines alone. */
export function policiesFor({ images }: Pick<WantedAccess, "images">): Policy[] {
  const machines = images.map(({ name, machines }) => ({
    Name: machinePolicy(name),
    Rules: `${machines.map((machine) => `node "${machine}" { policy = "write" }\n`).join("")}${machines.map(updateKeys).join("")}${read("node", "agent")}${writeServices}`,
  }));
  return [
    ...machines,
    { Name: nomadPolicy, Rules: `${read("agent", "node")}${writeServices}` },
    { Name: "piinit-prometheus", Rules: read("agent", "node", "service") },
  ];
}

/** A machine learns which image it is to have, and says which it has. */
const updateKeys = (machine: string): string =>
  `key "${wantedKey(machine)}" { policy = "read" }\nkey "${statusKey(machine)}" { policy = "write" }\n`;

const nomadPolicy = "piinit-nomad";
/** The beginning of the names of policies that are ours to remove. */
export const machinePolicies = "piinit-machine-";
const machinePolicy = (image: string) => machinePolicies + image;

export function tokensFor({ images, tokens }: Pick<WantedAccess, "images" | "tokens">): ConsulToken[] {
  return [
    ...images.map(({ name, token }) => consulToken(token, `agents of ${name}`, [machinePolicy(name)])),
    consulToken(tokens.nomadServer, "Nomad servers", [nomadPolicy]),
    consulToken(tokens.nomadClient, "Nomad clients", [nomadPolicy]),
    consulToken(tokens.prometheus, "Prometheus", ["piinit-prometheus"]),
    { ...consulToken(tokens.dns, "DNS", []), TemplatedPolicies: [{ TemplateName: "builtin/dns" }] },
  ];
}

function consulToken({ accessor, secret }: Token, description: string, policies: string[]): ConsulToken {
  return {
    AccessorID: accessor,
    SecretID: secret,
    Description: `${ourTokens}${description}`,
    Local: false,
    Policies: policies.map((Name) => ({ Name })),
    TemplatedPolicies: [],
  };
}

/** What a task may do by its own identity. */
export const taskPolicy: Policy = {
  Name: "nomad-tasks",
  Rules: `${read("node", "service", "key")}key_prefix "jobs/" { policy = "write" }\nkey_prefix "piinit/" { policy = "deny" }\n`,
};

/** The binding rules name it after the job's namespace. */
export const taskRole = { Name: "nomad-default-tasks", Policies: [{ Name: taskPolicy.Name }] };

const claims = ["nomad_namespace", "nomad_job_id", "nomad_task", "nomad_service"];

/** How Consul checks the identities that Nomad gives to services and tasks. */
export function authMethod({ jwksUrl, access }: Pick<WantedAccess, "jwksUrl" | "access">) {
  return {
    Name: authMethodName,
    Type: "jwt",
    Description: "Nomad's workload identities",
    TokenLocality: "local",
    Config: {
      JWKSURL: jwksUrl,
      JWKSCACert: access.ca,
      JWTSupportedAlgs: ["RS256"],
      BoundAudiences: ["consul.io"],
      ClaimMappings: Object.fromEntries(claims.map((claim) => [claim, claim])),
    },
  };
}

export const bindingRules: readonly BindingRule[] = [
  {
    AuthMethod: authMethodName,
    BindType: "service",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Consul fills it in
    BindName: "${value.nomad_service}",
    Selector: '"nomad_service" in value',
  },
  {
    AuthMethod: authMethodName,
    BindType: "role",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Consul fills it in
    BindName: "nomad-${value.nomad_namespace}-tasks",
    Selector: '"nomad_service" not in value',
  },
];
