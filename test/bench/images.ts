import { mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import path from "node:path";
import { fetchPrograms } from "../../cli/stack/programs.ts";
import { installMissing } from "../../cli/stack/stack.ts";
import { hostArchitecture } from "../../lib/architecture.ts";
import { cacheDir, projectDir } from "../../lib/paths.ts";
import { progressOnStderr, silent } from "../../lib/progress.ts";
import { compress } from "../../steps/image/compress.ts";
import { layerNames } from "../../steps/image/layers/layer-names.ts";
import type { BuiltImage } from "../../steps/image/manifest/contract.ts";
import type { DebianBase, Manifest, ManifestOf } from "../../steps/image/manifest/manifest.ts";
import { plan } from "../../steps/image/plan/plan.ts";
import { packagesToBuild } from "../../toolchain/prerequisites.ts";
import { type Cost, costOf } from "./cost.ts";
import { type Row, tableOf } from "./table.ts";
import { vmdb2 } from "./vmdb2.ts";

const key = "Y29uc3VsLWdvc3NpcC1rZXktMzItYnl0ZXMtbG9uZyE=";

/** What a server of the home stack is made from. */
const server = plan(
  {
    name: "server",
    board: "pi3",
    roles: {
      consul: "server",
      nomad: { role: "both", docker: false, dockerFolders: false, volumes: {} },
      "node-exporter": true,
      ssh: { keys: [] },
    },
  },
  {
    datacenter: "home",
    consulServers: ["192.168.2.51", "192.168.2.52", "192.168.2.53"],
    nomadServers: ["192.168.2.51", "192.168.2.52", "192.168.2.53"],
    machines: [],
    gossipKeys: { consul: key, nomad: key },
  },
  "amd64",
) as ManifestOf<DebianBase>;

/** Measures the builds of a Pi 3 server's image, with packages and programs already downloaded, and vmdb2 beside them. */
export async function benchImages(): Promise<string> {
  const programs = server.programs.map(({ name }) => ({ name, architecture: server.architecture }));
  await installMissing(await packagesToBuild(programs, { progress: progressOnStderr() }));
  await fetchPrograms(programs);
  const folder = await mkdtemp("/var/tmp/piinit-bench-");
  try {
    const builder = await prepare(folder);
    const rows = await measure(builder, await vmdb2Cost(folder));
    return `A Pi 3 server's image (Consul, Nomad) built on ${process.arch}, downloads cached.\n\n${tableOf(rows)}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function vmdb2Cost(folder: string): Promise<Cost> {
  const cost = await vmdb2(server, folder);
  process.stderr.write(`vmdb2: ${cost.seconds.toFixed(0)} s\n`);
  return cost;
}

interface Builder {
  build(manifest: Manifest): Promise<Cost & { image: BuiltImage }>;
  /** Forgets what was made, but for the downloads; `but` is a layer that stays. */
  forget(but?: string): Promise<void>;
}

/** A cache of its own, with the user's programs in it and all packages downloaded. */
async function prepare(folder: string): Promise<Builder> {
  const cache = path.join(folder, "cache", "piinit");
  await mkdir(cache, { recursive: true });
  await symlink(cacheDir("toolchain"), path.join(cache, "toolchain"));
  const outputDir = path.join(folder, "images");
  const env = { XDG_CACHE_HOME: path.dirname(cache) };
  const builder: Builder = {
    async build(manifest) {
      const command = [process.execPath, "--import", "tsx", "steps/image/main.ts", "build"];
      const input = JSON.stringify({ manifest, outputDir });
      const cost = await costOf(command, { input, env, cwd: projectDir });
      process.stderr.write(`${cost.seconds.toFixed(1)} s, ${cost.cpuSeconds.toFixed(1)} CPU s\n`);
      return { ...cost, image: JSON.parse(cost.stdout) as BuiltImage };
    },
    async forget(but) {
      await rm(outputDir, { recursive: true, force: true });
      const layers = path.join(cache, "layers");
      for (const name of await readdir(layers))
        if (name !== but) await rm(path.join(layers, name), { recursive: true });
    },
  };
  await builder.build(server);
  return builder;
}

async function measure({ build, forget }: Builder, peer: Cost): Promise<Row[]> {
  await forget();
  const cold = await build(server);
  await forget(toolsTree());
  const warm = await build(server);
  const morePackages = await build({ ...server, packages: [...server.packages, "htop"].sort() });
  const fewerPrograms = await build({ ...server, programs: server.programs.slice(1) });
  const file = { path: "/etc/motd", mode: "0644", owner: "root", text: "changed\n" };
  const moreFiles = await build({ ...server, files: [...server.files, file] });
  const compressed = await compress(moreFiles.image.path, silent);
  return [
    { what: "vmdb2, the packages alone", unit: "CPU s", measured: peer.cpuSeconds },
    { what: "all from nothing", unit: "CPU s", goal: peer.cpuSeconds / 5, measured: cold.cpuSeconds },
    { what: "all but the host's own programs", unit: "CPU s", goal: peer.cpuSeconds / 10, measured: warm.cpuSeconds },
    { what: "vmdb2, the packages alone", unit: "s", measured: peer.seconds },
    { what: "all from nothing", unit: "s", measured: cold.seconds },
    { what: "a package added", unit: "s", goal: 45, measured: morePackages.seconds },
    { what: "another set of programs", unit: "s", goal: 10, measured: fewerPrograms.seconds },
    { what: "a file added", unit: "s", goal: 5, measured: moreFiles.seconds },
    { what: "memory, all from nothing", unit: "MiB", goal: 1024, measured: cold.memoryMiB },
    { what: "size of the image", unit: "MiB", goal: 900e6 / 2 ** 20, measured: cold.image.bytes / 2 ** 20 },
    { what: "size, compressed with zstd", unit: "MiB", measured: compressed.bytes / 2 ** 20 },
  ];
}

/** The layer with the host's own programs, which do the work of the board's. */
function toolsTree(): string {
  const architecture = hostArchitecture() ?? "amd64";
  return layerNames({ ...server, architecture, base: { ...server.base, components: [], backports: [] } }).base;
}
