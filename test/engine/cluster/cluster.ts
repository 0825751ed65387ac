import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ExpectedMachine } from "../../../steps/cluster/contract.ts";
import { type AgentProgram, agentLauncher } from "../agent-programs.ts";
import { askJson, until } from "../agents.ts";
import { freePorts } from "../ports.ts";

/** Machines of a home on one computer: real Consul and Nomad agents on 127.0.0.1, each with ports of its own. */
export interface Cluster {
  /** As the stack would list them: pi1 runs all, pi2 a Nomad server, pi3 a Nomad client. */
  machines: ExpectedMachine[];
  /** Starts a machine's agents, or starts them again; `change` is what is wrong with it. */
  start(name: string, change?: Change): Promise<void>;
  /** Cuts a machine off as a pulled plug does. */
  kill(name: string, agent?: "consul" | "nomad"): Promise<void>;
  /** Waits until pi1 sees a Consul member of that name as a voter. */
  joined(name: string): Promise<void>;
  close(): Promise<void>;
}

export interface Change {
  calledItself?: string;
  datacenter?: string;
  gossipKey?: string;
}

type Ports = Record<"http" | "server" | "serf" | "nomadHttp" | "nomadRpc" | "nomadSerf", number>;

const gossipKey = "pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s=";
const nomadKinds = { pi1: "both", pi2: "server", pi3: "client" } as const;
type Name = keyof typeof nomadKinds;

export async function makeCluster(): Promise<Cluster> {
  const dir = await mkdtemp(path.join(tmpdir(), "piinit-cluster-"));
  const launch = await agentLauncher();
  const names = Object.keys(nomadKinds) as Name[];
  const numbers = await freePorts(18);
  const ports = Object.fromEntries(names.map((name, index) => [name, portsFrom(numbers.slice(index * 6))])) as Record<
    Name,
    Ports
  >;
  const running = new Map<string, AgentProgram>();

  const kill = async (key: string) => {
    const child = running.get(key);
    running.delete(key);
    if (child?.kill("SIGKILL")) await child;
  };
  return {
    machines: names.map((name, index) => ({
      name,
      ip: "127.0.0.1",
      mac: `b8:27:eb:00:00:0${index + 1}`,
      image: "server",
      consulUrl: `http://127.0.0.1:${ports[name].http}`,
      nomadUrl: `http://127.0.0.1:${ports[name].nomadHttp}`,
      consulServer: true,
      nomad: nomadKinds[name],
    })),
    async start(machine, change = {}) {
      const name = machine as Name;
      for (const agent of agentNames) await kill(`${name} ${agent}`);
      for (const agent of agentNames) {
        const folder = path.join(dir, `${name}-${agent}`);
        running.set(`${name} ${agent}`, launch(agent, folder, configurations[agent](name, ports, change)));
      }
    },
    kill: async (name, agent) => {
      for (const one of agent ? [agent] : agentNames) await kill(`${name} ${one}`);
    },
    joined: (name) =>
      until(`${name} is a voter`, async () => {
        const url = `http://127.0.0.1:${ports.pi1.http}/v1/operator/autopilot/state`;
        const { Servers } = await askJson<{ Servers: Record<string, { Name: string; Status: string }> }>(url);
        return Object.values(Servers).some((server) => server.Name === name && server.Status !== "non-voter");
      }),
    async close() {
      await Promise.all([...running.keys()].map(kill));
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function consulConfiguration(name: Name, ports: Record<Name, Ports>, change: Change): object {
  const { http, server, serf } = ports[name];
  return {
    node_name: change.calledItself ?? name,
    datacenter: change.datacenter ?? "home",
    server: true,
    bootstrap_expect: 3,
    bind_addr: "127.0.0.1",
    client_addr: "127.0.0.1",
    encrypt: change.gossipKey ?? gossipKey,
    retry_join: Object.values(ports).map((one) => `127.0.0.1:${one.serf}`),
    retry_interval: "1s",
    disable_keyring_file: true,
    disable_update_check: true,
    performance: { raft_multiplier: 1 },
    ports: { http, server, serf_lan: serf, serf_wan: -1, dns: -1, grpc: -1, grpc_tls: -1 },
  };
}

function nomadConfiguration(name: Name, ports: Record<Name, Ports>, change: Change): object {
  const { http, nomadHttp, nomadRpc, nomadSerf } = ports[name];
  const kind = nomadKinds[name];
  const servers = [ports.pi1, ports.pi2];
  return {
    name: change.calledItself ?? name,
    datacenter: change.datacenter ?? "home",
    bind_addr: "127.0.0.1",
    advertise: { http: "127.0.0.1", rpc: "127.0.0.1", serf: "127.0.0.1" },
    disable_update_check: true,
    leave_on_interrupt: false,
    consul: { address: `127.0.0.1:${http}`, auto_advertise: false, server_auto_join: false, client_auto_join: false },
    ports: { http: nomadHttp, rpc: nomadRpc, serf: nomadSerf },
    ...(kind !== "client" && {
      server: {
        enabled: true,
        bootstrap_expect: 2,
        server_join: { retry_join: servers.map((one) => `127.0.0.1:${one.nomadSerf}`), retry_interval: "1s" },
      },
    }),
    ...(kind !== "server" && {
      client: {
        enabled: true,
        servers: servers.map((one) => `127.0.0.1:${one.nomadRpc}`),
        options: {
          "driver.allowlist": "raw_exec",
          "fingerprint.denylist": "env_aws,env_gce,env_azure,env_digitalocean",
        },
      },
    }),
  };
}

const agentNames = ["consul", "nomad"] as const;
const configurations = { consul: consulConfiguration, nomad: nomadConfiguration };

function portsFrom([http = 0, server = 0, serf = 0, nomadHttp = 0, nomadRpc = 0, nomadSerf = 0]: number[]): Ports {
  return { http, server, serf, nomadHttp, nomadRpc, nomadSerf };
}
