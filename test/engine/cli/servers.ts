import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Access } from "../../../steps/agents.ts";
import type { Authority } from "../../../steps/security/contract.ts";
import { type AgentName, type AgentProgram, agentLauncher } from "../agent-programs.ts";
import { until } from "../agents.ts";
import { askAs, keepBootstrapped, secureIn } from "../cluster/secure.ts";

/** A machine with one Consul server and one Nomad server, at the agents' usual ports, with their data on a disk. */
export interface Servers {
  /** What opens them. */
  access: Access;
  consul: string;
  nomad: string;
  /** Starts both with the data that is there, and waits until they take their owner's tokens. */
  start(): Promise<void>;
  /** Stops both at once, and loses their data. */
  lose(): Promise<void>;
  signal(agent: AgentName, signal: NodeJS.Signals): void;
  close(): Promise<void>;
}

/** @param ip an address of this computer's own network, 127.0.0.0/8 */
export async function makeServers(ip: string, authority: Authority): Promise<Servers> {
  const dir = await mkdtemp(path.join(tmpdir(), "piinit-servers-"));
  const launch = await agentLauncher();
  const running = new Map<AgentName, AgentProgram>();
  const urls = { consul: `https://${ip}:8501`, nomad: `https://${ip}:4646` };
  const tls = await mkdtemp(path.join(tmpdir(), "piinit-tls-"));
  const secure = await secureIn(tls, authority, ip);
  const stopBootstrap = keepBootstrapped(urls.nomad, secure.access);

  const stop = async () => {
    const children = [...running.values()];
    running.clear();
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children);
  };
  return {
    ...urls,
    async start() {
      running.set("consul", launch("consul", path.join(dir, "consul"), consulConfiguration(ip, secure)));
      running.set("nomad", launch("nomad", path.join(dir, "nomad"), nomadConfiguration(ip, secure)));
      for (const url of Object.values(urls)) {
        const knowsOwner = async () => (await askAs(secure.access, `${url}/v1/acl/token/self`)).ok;
        await until(`${url} has a leader, and knows its owner`, knowsOwner);
      }
    },
    async lose() {
      await stop();
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
    signal: (agent, signal) => void running.get(agent)?.kill(signal),
    access: secure.access,
    async close() {
      stopBootstrap();
      await rm(tls, { recursive: true, force: true });
      await stop();
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

type Secrets = Awaited<ReturnType<typeof secureIn>>;

export const consulConfiguration = (ip: string, secure: Secrets) => ({
  ...secure.consul,
  node_name: "pi1",
  datacenter: "home",
  server: true,
  bootstrap_expect: 1,
  bind_addr: ip,
  client_addr: ip,
  disable_update_check: true,
  performance: { raft_multiplier: 1 },
  ports: { https: 8501, serf_wan: -1, dns: -1, grpc: -1, grpc_tls: -1 },
});

const nomadConfiguration = (ip: string, secure: Secrets) => ({
  ...secure.nomad,
  name: "pi1",
  datacenter: "home",
  bind_addr: ip,
  advertise: { http: ip, rpc: ip, serf: ip },
  disable_update_check: true,
  consul: {
    address: `${ip}:8500`,
    token: secure.token,
    auto_advertise: false,
    server_auto_join: false,
    client_auto_join: false,
  },
  server: { enabled: true, bootstrap_expect: 1 },
});
