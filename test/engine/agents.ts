import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { silent } from "../../lib/progress.ts";
import { getTool } from "../../toolchain/tools.ts";
import { freePorts } from "./ports.ts";

/** A real agent on 127.0.0.1 with ports and a folder of its own. `stop` ends it and leaves nothing. */
export interface Agent {
  url: string;
  /** All ports that it listens on. */
  ports: Record<string, number>;
  stop(): Promise<void>;
}

/** A Consul server that keeps its data in memory; its leader is elected when this resolves. */
export function startConsul(): Promise<Agent> {
  return startAgent("consul", ["http", "server", "serf_lan", "serf_wan"], {
    arguments: (file) => ["agent", "-dev", "-config-file", file],
    configuration: (ports) => ({
      bind_addr: "127.0.0.1",
      client_addr: "127.0.0.1",
      node_name: "test",
      disable_update_check: true,
      log_level: "warn",
      ports: { ...ports, dns: -1, grpc: -1, grpc_tls: -1 },
    }),
    isReady: async (url) => (await askJson<string>(`${url}/v1/status/leader`)) !== "",
  });
}

/** A Nomad server and client in one, with the raw_exec driver; its node takes jobs when this resolves. */
function startNomad(consulUrl: string): Promise<Agent> {
  return startAgent("nomad", ["http", "rpc", "serf"], {
    arguments: (file) => ["agent", "-dev", "-config", file],
    configuration: (ports) => ({
      bind_addr: "127.0.0.1",
      name: "test",
      disable_update_check: true,
      log_level: "WARN",
      ports,
      consul: { address: new URL(consulUrl).host },
      client: {
        enabled: true,
        options: { "driver.allowlist": "raw_exec" },
        // As in the images; a task of raw_exec doesn't get it mounted, but jobs/ ask for a machine that has it.
        host_volume: { bin: { path: "/usr/local/bin", read_only: true } },
      },
      plugin: { raw_exec: { config: { enabled: true } } },
    }),
    isReady: async (url) => {
      const [node] = await askJson<{ ID: string; Status: string }[]>(`${url}/v1/nodes`);
      if (node?.Status !== "ready") return false;
      const { Drivers } = await askJson<{ Drivers: Record<string, { Healthy: boolean }> }>(`${url}/v1/node/${node.ID}`);
      return Drivers.raw_exec?.Healthy === true;
    },
  });
}

/** A Consul, and a Nomad that registers its services there. */
export interface Agents {
  consul: Agent;
  nomad: Agent;
  stop(): Promise<void>;
}

export async function startAgents(): Promise<Agents> {
  const consul = await startConsul();
  const nomad = await startNomad(consul.url).catch(async (error) => {
    await consul.stop();
    throw error;
  });
  return {
    consul,
    nomad,
    async stop() {
      await nomad.stop();
      await consul.stop();
    },
  };
}

export async function askJson<T>(url: string): Promise<T> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  return (await response.json()) as T;
}

/** Asks until the answer is true; an answer that is an error counts as "not yet". Fails at the deadline. */
export async function until(what: string, isTrue: () => Promise<boolean>, seconds = 120): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  let problem: unknown = "not yet";
  while (performance.now() < deadline) {
    const answer = await isTrue().catch((error: unknown) => {
      problem = error;
      return false;
    });
    if (answer) return;
    await pause(100);
  }
  throw new Error(`${what}: not so within ${seconds} s (${problem})`);
}

interface Kind {
  arguments(configurationFile: string): string[];
  configuration(ports: Record<string, number>): object;
  isReady(url: string): Promise<boolean>;
}

async function startAgent(name: "consul" | "nomad", portNames: string[], kind: Kind): Promise<Agent> {
  const { path: program } = await getTool(name, { progress: silent });
  const dir = await mkdtemp(path.join(tmpdir(), `piinit-${name}-`));
  const numbers = await freePorts(portNames.length);
  const ports = Object.fromEntries(portNames.map((portName, index) => [portName, numbers[index] ?? 0]));
  const url = `http://127.0.0.1:${ports.http}`;
  const file = path.join(dir, "agent.json");
  await writeFile(file, JSON.stringify(kind.configuration(ports)));
  // With some of the variables that a developer's shell may have, e.g. AWS_CA_BUNDLE, Nomad refuses to start.
  const env = { PATH: process.env.PATH ?? "", HOME: dir, TMPDIR: dir };
  const options = { env, extendEnv: false, cwd: dir, reject: false, all: true, forceKillAfterDelay: 20_000 } as const;
  const child = execa(program, kind.arguments(file), options);
  const stop = () => stopAgent(child, dir);
  try {
    const ended = child.then((result) => {
      throw new Error(`${name} ended at once:\n${result.all}`);
    });
    await Promise.race([until(`${name} is ready`, () => kind.isReady(url)), ended]);
    return { url, ports, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function stopAgent(child: PromiseLike<unknown> & { kill(): boolean }, dir: string): Promise<void> {
  child.kill();
  await child;
  await endBelow(dir);
  await rm(dir, { recursive: true, force: true });
}

/** Ends what a killed Nomad leaves in its folder: its tasks, their keepers, and mounts. */
export async function endBelow(dir: string): Promise<void> {
  const left = await processesBelow(dir);
  if (left.length > 0) await execa("kill", ["-KILL", ...left.map(String)], { reject: false });
  for (const mount of await mountsBelow(dir)) await execa("umount", ["-l", mount], { reject: false });
}

/** The ids of all processes whose current folder is this one or below it; none where there is no /proc. */
export async function processesBelow(dir: string): Promise<number[]> {
  const names = await readdir("/proc").catch(() => []);
  const ids = names.map(Number).filter((id) => id > 0);
  const folders = await Promise.all(ids.map((id) => readlink(`/proc/${id}/cwd`).catch(() => "")));
  return ids.filter((_id, index) => `${folders[index]}/`.startsWith(`${dir}/`));
}

/** Nomad as root mounts a folder for each task's secrets, and leaves it when it is killed. */
async function mountsBelow(dir: string): Promise<string[]> {
  const mounts = await readFile("/proc/mounts", "utf8").catch(() => "");
  const points = mounts.split("\n").map((line) => line.split(" ")[1] ?? "");
  return points.filter((point) => point.startsWith(`${dir}/`)).reverse();
}
