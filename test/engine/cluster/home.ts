import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Access } from "../../../steps/agents.ts";
import { accessOf } from "../../../steps/security/access.ts";
import type { Authority } from "../../../steps/security/contract.ts";
import type { Checkout } from "../../e2e/checkout.ts";
import { type AgentProgram, agentLauncher } from "../agent-programs.ts";
import { endBelow } from "../agents.ts";
import { keepBootstrapped, makeAuthority, secureIn } from "./secure.ts";

/** Three machines of a home: real Consul and Nomad servers at addresses of this computer's own, 127.1.0.51 to 53. */
export interface Home {
  /** What opens its agents. */
  access: Access;
  start(...names: string[]): void;
  /** Cuts a machine's power. */
  kill(...names: string[]): Promise<void>;
  /** Like new cards in all machines: nothing of the cluster is left. */
  wipe(): Promise<void>;
  close(): Promise<void>;
}

export const homeNames = ["pi1", "pi2", "pi3"];
export const homeNetwork = "127.1.0.0/16";
export const homeAddress = (name: string) => `127.1.0.5${name.slice(-1)}`;
export const homeConsul = (name: string) => `https://${homeAddress(name)}:8501`;
export const homeNomad = (name: string) => `https://${homeAddress(name)}:4646`;

/** Takes the images out of a checkout's program: these machines need none. */
export function leaveOutImages(checkout: string): void {
  const buildsImages = "const images = buildImages(settings, secrets, outputDir, lab?.publicKey);";
  replaceIn(path.join(checkout, "index.ts"), buildsImages, "const images = {};");
}

/** Has Consul ask the first machine's Nomad: on this computer, no server of the home is at 127.0.0.1. */
function askFirstNomad(checkout: string): void {
  const itself = 'asksItself ? "127.0.0.1"';
  replaceIn(path.join(checkout, "components/access.ts"), itself, `asksItself ? "${homeAddress("pi1")}"`);
}

/** Has a stack that is made anew get the authority that these machines know, as nobody burns their cards again. */
function keepAuthority(checkout: string, authority: Authority): void {
  const kept = path.join(checkout, "authority.json");
  writeFileSync(kept, JSON.stringify(authority), { mode: 0o600 });
  const begins = "  const { generation } = request;\n";
  const keeps = `  return JSON.parse((await import("node:fs")).readFileSync(${JSON.stringify(kept)}, "utf8"));\n`;
  replaceIn(path.join(checkout, "steps/security/authority.ts"), begins, keeps + begins);
}

function replaceIn(file: string, before: string, after: string): void {
  const program = readFileSync(file, "utf8");
  if (!program.includes(before)) throw new Error(`${file} has changed, and lacks: ${before}`);
  writeFileSync(file, program.replace(before, after));
}

/** A home of that stack's machines; the checkout's program is fitted to it. */
export async function makeHome(checkout: Checkout, stack: string): Promise<Home> {
  askFirstNomad(checkout.dir);
  const authority = await makeAuthority(checkout, stack);
  keepAuthority(checkout.dir, authority);
  const dir = await mkdtemp(path.join(tmpdir(), "piinit-home-"));
  const launch = await agentLauncher();
  const secrets = new Map<string, Secrets>();
  for (const name of homeNames)
    secrets.set(name, await secureIn(path.join(dir, `${name}-tls`), authority, homeAddress(name)));
  const access = accessOf(authority);
  const stops = homeNames.map((name) => keepBootstrapped(homeNomad(name), access));
  const running = new Map<string, AgentProgram[]>();

  const kill = async (...names: string[]) => {
    for (const name of names) {
      const children = running.get(name) ?? [];
      running.delete(name);
      for (const child of children) child.kill("SIGKILL");
      await endBelow(path.join(dir, name));
      await Promise.all(children);
    }
  };
  return {
    start(...names) {
      for (const name of names) {
        const secure = secrets.get(name);
        if (!secure) throw new Error(`there is no ${name}`);
        const consul = launch("consul", path.join(dir, name, "consul"), consulConfiguration(name, secure));
        running.set(name, [consul, launch("nomad", path.join(dir, name, "nomad"), nomadConfiguration(name, secure))]);
      }
    },
    kill,
    async wipe() {
      await kill(...homeNames);
      for (const name of homeNames) await rm(path.join(dir, name), { recursive: true, force: true, maxRetries: 5 });
    },
    access,
    async close() {
      for (const stop of stops) stop();
      await kill(...homeNames);
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

const others = (port: number) => homeNames.map((name) => `${homeAddress(name)}:${port}`);

type Secrets = Awaited<ReturnType<typeof secureIn>>;

function consulConfiguration(name: string, secure: Secrets): object {
  return {
    ...secure.consul,
    node_name: name,
    datacenter: "home",
    server: true,
    bootstrap_expect: 3,
    bind_addr: homeAddress(name),
    client_addr: homeAddress(name),
    retry_join: others(8301),
    retry_interval: "1s",
    disable_update_check: true,
    performance: { raft_multiplier: 1 },
    ports: { https: 8501, serf_wan: -1, dns: -1, grpc: -1, grpc_tls: -1 },
  };
}

function nomadConfiguration(name: string, secure: Secrets): object {
  const address = homeAddress(name);
  return {
    ...secure.nomad,
    name,
    datacenter: "home",
    bind_addr: address,
    advertise: { http: address, rpc: address, serf: address },
    disable_update_check: true,
    leave_on_interrupt: false,
    consul: { address: `${address}:8500`, token: secure.token, server_auto_join: false, client_auto_join: false },
    server: { enabled: true, bootstrap_expect: 3, server_join: { retry_join: others(4648), retry_interval: "1s" } },
    client: {
      enabled: true,
      servers: others(4647),
      options: { "driver.allowlist": "raw_exec", "fingerprint.denylist": "env_aws,env_gce,env_azure,env_digitalocean" },
    },
    plugin: [{ raw_exec: [{ config: [{ enabled: true }] }] }],
  };
}
