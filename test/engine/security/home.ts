import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { projectDir } from "../../../lib/paths.ts";
import type { Manifest } from "../../../steps/image/manifest/manifest.ts";
import { type AgentName, agentPrograms } from "../agent-programs.ts";
import { endBelow } from "../agents.ts";
import { makeNetwork } from "./network.ts";

/** A home whose machines are networks of this computer, with the agents and the very files of their images. */
export interface SecureHome {
  /** Adds a machine; without an image it runs nothing. */
  add(machine: { name: string; ip: string }): Promise<void>;
  /** Starts a machine's agents with its image's files; what an earlier start left in its data stays. */
  start(name: string, image: Manifest): void;
  /** As a pulled plug. */
  kill(name: string): Promise<void>;
  /** The same, and its data is gone. */
  lose(name: string): Promise<void>;
  /** Pulls out a machine's cable, or plugs it in again. */
  plug(name: string, isPlugged: boolean): Promise<void>;
  /** The last lines that each machine's agents have written. */
  logs(): string;
  /** Where this computer has a machine's file. */
  file(name: string, path: string): string;
  /** Runs a program on a machine and returns what it prints. Fails if it does. */
  on(name: string, program: string, args: string[], input?: string): Promise<string>;
  /** Runs a program of the project on a machine, which takes JSON and prints its answer in JSON. */
  ask<Answer>(name: string, command: readonly [program: string, ...args: string[]], input: object): Promise<Answer>;
  close(): Promise<void>;
}

interface Machine {
  name: string;
  ip: string;
  enter: string[];
  dir: string;
  running: (PromiseLike<unknown> & { kill(signal: NodeJS.Signals): boolean })[];
}

export async function startHome(): Promise<SecureHome> {
  const dir = await mkdtemp(path.join(tmpdir(), "piinit-secure-"));
  const network = await makeNetwork();
  const programs = await agentPrograms();
  const machines = new Map<string, Machine>();
  const get = (name: string) => {
    const machine = machines.get(name);
    if (!machine) throw new Error(`there is no ${name}`);
    return machine;
  };
  const env = { PATH: `${path.dirname(programs.nomad)}:${process.env.PATH}`, HOME: dir };
  const kill = async (name: string) => {
    const { running, dir } = get(name);
    const ended = running.splice(0);
    for (const child of ended) child.kill("SIGKILL");
    // What an agent or a script has started keeps its output open.
    await endBelow(dir);
    await Promise.all(ended);
  };
  const on: SecureHome["on"] = async (name, program, args, input) => {
    const [first = "", ...rest] = [...get(name).enter, program, ...args];
    const { stdout } = await execa(first, rest, { env, ...(input !== undefined && { input }) });
    return stdout;
  };
  return {
    async add({ name, ip }) {
      const enter = await network.add(name, ip);
      const own = path.join(dir, name);
      mkdirSync(own);
      machines.set(name, { name, ip, enter, dir: own, running: [] });
    },
    start(name, image) {
      const machine = get(name);
      for (const command of commandsOf(machine, image, programs)) {
        const [program = "", ...args] = [...machine.enter, ...command];
        const out = path.join(machine.dir, `${path.basename(command[0] ?? "")}.log`);
        const output = { file: out, append: true } as const;
        machine.running.push(
          execa(program, args, {
            cwd: machine.dir,
            env,
            extendEnv: false,
            reject: false,
            stdin: "ignore",
            stdout: output,
            stderr: output,
          }),
        );
      }
    },
    kill,
    async lose(name) {
      await kill(name);
      rmSync(path.join(get(name).dir, "data"), { recursive: true, maxRetries: 5 });
    },
    plug: network.plug,
    logs: () => [...machines.values()].flatMap(lastLines).join("\n"),
    file: (name, file) => get(name).dir + file,
    on,
    async ask<Answer>(name: string, [program, ...args]: readonly [string, ...string[]], input: object) {
      const command = ["--import", "tsx", path.join(projectDir, program), ...args];
      return JSON.parse(await on(name, "node", command, JSON.stringify(input))) as Answer;
    },
    async close() {
      for (const name of machines.keys()) await kill(name);
      await network.close();
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function lastLines({ name, dir }: Machine): string[] {
  return readdirSync(dir)
    .filter((file) => file.endsWith(".log"))
    .flatMap((file) => [
      `${name}, ${file}:`,
      ...readFileSync(path.join(dir, file), "utf8").trim().split("\n").slice(-25),
    ]);
}

const folders = ["/etc/consul.d", "/etc/nomad.d", "/etc/piinit", "/usr/lib/piinit", "/data"];

/** Writes the image's files below the machine's folder, where they name each other, and returns what its units would run. */
function commandsOf({ name, ip, dir }: Machine, image: Manifest, programs: Record<AgentName, string>): string[][] {
  const here = (text: string) => folders.reduce((all, folder) => all.replaceAll(folder, dir + folder), text);
  for (const { path: file, text, mode } of image.files) {
    if (!folders.some((folder) => file.startsWith(`${folder}/`))) continue;
    mkdirSync(path.dirname(dir + file), { recursive: true });
    rmSync(dir + file, { force: true });
    writeFileSync(dir + file, here(text));
    chmodSync(dir + file, Number.parseInt(mode, 8));
  }
  for (const folder of ["/data/consul", "/data/nomad/server", "/run"]) mkdirSync(dir + folder, { recursive: true });
  // As an image's machine does before its agents start: who it is comes from its MAC, and the gossip key from its image.
  const id = `b827eb00-0000-4000-8000-${ip.split(".").at(-1)?.padStart(12, "0")}`;
  for (const folder of ["consul", "nomad/server"]) writeFileSync(`${dir}/data/${folder}/node-id`, id);
  rmSync(`${dir}/data/nomad/server/serf.keyring`, { force: true });
  const more = {
    consul: { node_name: name, advertise_addr: ip, enable_local_script_checks: false },
    nomad: {
      name,
      advertise: { http: ip, rpc: ip, serf: ip },
      // Without control groups of its own, a machine has no other driver here.
      client: { options: { "driver.allowlist": "raw_exec" }, cpu_total_compute: 1000, memory_total_mb: 512 },
      plugin: { raw_exec: { config: { enabled: true } } },
    },
  };
  for (const [agent, text] of Object.entries(more)) writeFileSync(`${dir}/run/${agent}.json`, JSON.stringify(text));
  const acl = `${dir}/usr/lib/piinit/nomad-acl`;
  return [
    [programs.consul, "agent", `-config-dir=${dir}/etc/consul.d`, `-config-file=${dir}/run/consul.json`],
    [programs.nomad, "agent", `-config=${dir}/etc/nomad.d`, `-config=${dir}/run/nomad.json`],
    ...(image.files.some(({ path: file }) => file === "/usr/lib/piinit/nomad-acl") ? [[acl]] : []),
  ];
}
