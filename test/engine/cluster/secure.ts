import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { send } from "../../../lib/http.ts";
import type { Access } from "../../../steps/agents.ts";
import { accessOf } from "../../../steps/security/access.ts";
import { subjectOf } from "../../../steps/security/agent-names.ts";
import { certify } from "../../../steps/security/certificate.ts";
import type { Authority } from "../../../steps/security/contract.ts";
import { type Checkout, succeeded } from "../../e2e/checkout.ts";

const name = "cluster-authority";

/** Makes nothing of a checkout's stack but what its machines know each other by. */
export async function makeAuthority(checkout: Checkout, stack: string): Promise<Authority> {
  const targets = ["piinit:ClusterSecrets::cluster", `piinit:ClusterSecrets$command:local:Command::${name}`];
  const options = targets.map((target) => `--target 'urn:pulumi:${stack}::piinit::${target}'`).join(" ");
  // Makes the stack, and the passphrase of its secrets.
  succeeded(await checkout.piinit("destroy", stack, "--yes"));
  succeeded(
    await checkout.pulumi(`PIINIT_LEFT_OUT=keys,jobs pulumi up --yes --skip-preview --stack ${stack} ${options}`),
  );
  return authorityOf(checkout, stack);
}

/** As the stack has it. */
export async function authorityOf(checkout: Checkout, stack: string): Promise<Authority> {
  const { stdout } = await checkout.pulumi(`pulumi stack export --show-secrets --stack ${stack}`);
  const { deployment } = JSON.parse(stdout) as { deployment: { resources: { urn: string; outputs?: Outputs }[] } };
  const answer = deployment.resources.find(({ urn }) => urn.endsWith(`::${name}`))?.outputs?.stdout;
  return JSON.parse(JSON.parse(answer?.plaintext ?? "null")) as Authority;
}

interface Outputs {
  stdout?: { plaintext: string };
}

/** The parts of configurations by which a Consul server and a Nomad belong to a stack; `folder` gets their certificate. */
export async function secureIn(folder: string, authority: Authority, ip: string) {
  const { certificate, key } = await certify({
    authority,
    ...subjectOf({ name: "server", consul: "server", nomad: "both", addresses: [ip] }, "home"),
  });
  mkdirSync(folder, { recursive: true });
  const file = (name: string, text: string) => {
    writeFileSync(path.join(folder, name), text, { mode: 0o600 });
    return path.join(folder, name);
  };
  const files = {
    ca_file: file("ca.pem", authority.certificate),
    cert_file: file("agent.pem", certificate),
    key_file: file("agent-key.pem", key),
  };
  const access = accessOf(authority);
  return {
    access,
    consul: {
      tls: {
        defaults: { ...files, verify_incoming: true, verify_outgoing: true },
        https: { verify_incoming: false },
        internal_rpc: { verify_server_hostname: true },
      },
      acl: {
        enabled: true,
        default_policy: "deny",
        tokens: { initial_management: access.consul, agent: access.consul, agent_recovery: access.recovery },
      },
    },
    nomad: {
      tls: { http: true, rpc: true, ...files, verify_server_hostname: true, verify_https_client: false },
      acl: { enabled: true },
    },
    /** For Nomad's part about Consul. */
    token: access.consul,
  };
}

/** Does for a Nomad server what `nomad-acl` does on a machine, until it is stopped. */
export function keepBootstrapped(url: string, { ca, nomad }: Access): () => void {
  const stopped = new AbortController();
  const request = { who: "Nomad", ca, timeoutMs: 5000, mostBytes: 1 << 20, signal: stopped.signal };
  const look = async () => {
    const self = await send({ ...request, url: `${url}/v1/acl/token/self`, headers: { "X-Nomad-Token": nomad } });
    if (self.status !== 403) return;
    const body = Buffer.from(JSON.stringify({ BootstrapSecret: nomad }));
    await send({ ...request, url: `${url}/v1/acl/bootstrap`, method: "POST", body });
  };
  void (async () => {
    while (!stopped.signal.aborted) {
      await look().catch(() => {});
      await pause(500);
    }
  })();
  return () => stopped.abort();
}

/** Asks an agent as the stack's owner does. Fails with a NoAnswer. */
export async function askAs(access: Access, url: string, method = "GET", body?: string) {
  const headers = { "X-Consul-Token": access.consul, "X-Nomad-Token": access.nomad };
  const sent = { who: "the agent", url, method, headers, ca: access.ca, timeoutMs: 10_000, mostBytes: 1 << 24 };
  const { status, body: bytes } = await send({ ...sent, body: body === undefined ? undefined : Buffer.from(body) });
  return { ok: status >= 200 && status < 300, status, text: bytes.toString("utf8") };
}
