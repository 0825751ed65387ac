import { mkdir, open, readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { masterBootRecord } from "../../../formats/mbr.ts";
import { UserError } from "../../../lib/errors.ts";
import { hostPath, runOnHost } from "../../../lib/host.ts";
import { forBase } from "../existing/image-recipe.ts";
import { bootCommandLine } from "../existing/takeover.ts";
import { type RootPartition, readFiles } from "../filesystem/debugfs.ts";
import type { Tree } from "../filesystem/tree.ts";
import { freshDiskId, type Geometry, rootDevice } from "../manifest/geometry.ts";
import { imageTime } from "../manifest/image-time.ts";
import type { BootFile, Manifest } from "../manifest/manifest.ts";
import { buildInitrd, type LoadableModule } from "./initrd.ts";
import { moduleClosure } from "./modules.ts";

/** The file system that the kernel and its modules are read from, and what it takes to do that. */
export interface BootSource {
  partition: RootPartition;
  tree: Tree;
  /** Of an image that is made from another one: a tar with that one's files of the FAT partition. */
  bootTar: string;
  /** A folder for temporary files. */
  work: string;
  signal: AbortSignal;
}

/** Writes the partition table and the FAT partition: vmlinuz, initrd.img, cmdline.txt. */
export async function writeBoot(
  manifest: Manifest,
  disk: string,
  geometry: Geometry,
  source: BootSource,
): Promise<void> {
  const given = await forBase(manifest, {
    debian: (own) => bootFiles(own, source),
    image: (own) => takenBootFiles(own, source),
  });
  const files = withConfig(given, manifest.boot.config ?? []);
  checkRoom(manifest, Object.values(files));
  await writeFirstSector(disk, masterBootRecord(geometry, freshDiskId));
  await writeFat(disk, geometry.boot, files, source);
}

/** The files with those lines at the end of config.txt, for every model whatever a section before them is for. */
function withConfig(files: Record<string, Buffer>, lines: string[]): Record<string, Buffer> {
  if (lines.length === 0) return files;
  const added = ["", "[all]", ...lines, ""].join("\n");
  return { ...files, "config.txt": Buffer.concat([files["config.txt"] ?? Buffer.alloc(0), Buffer.from(added)]) };
}

async function bootFiles(manifest: Manifest, source: BootSource): Promise<Record<string, Buffer>> {
  const kernel = kernelVersion(manifest, source.tree);
  const [vmlinuz = Buffer.alloc(0)] = await read(source, [`/boot/vmlinuz-${kernel}`]);
  const commandLine = `${manifest.boot.commandLine} root=${rootDevice(manifest.disk)}`;
  return {
    vmlinuz,
    "initrd.img": await initrd(manifest, kernel, source),
    "cmdline.txt": Buffer.from(`${commandLine}\n`),
    ...(await firmwareFiles(manifest.boot.files, { kernel, commandLine }, source)),
  };
}

/** What the base image has, kernel and all; only its command line is changed. */
async function takenBootFiles(manifest: Manifest, source: BootSource): Promise<Record<string, Buffer>> {
  const folder = path.join(source.work, "taken");
  await mkdir(folder);
  await runOnHost("tar", ["--extract", "--no-same-owner", "--file", source.bootTar, "--directory", folder], source);
  const files: Record<string, Buffer> = {};
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const file = path.join(folder, name);
    if ((await stat(file)).isFile()) files[name] = await readFile(file);
  }
  const { "cmdline.txt": commandLine } = files;
  if (!commandLine)
    throw new UserError("The base image has no cmdline.txt on its FAT partition: it is not for a Raspberry Pi.");
  const changed = bootCommandLine(commandLine.toString("latin1"), manifest.boot.commandLine, rootDevice(manifest.disk));
  return { ...files, "cmdline.txt": Buffer.from(`${changed}\n`, "latin1") };
}

/** The board's own files by their place on the FAT partition. */
async function firmwareFiles(
  files: BootFile[],
  { kernel, commandLine }: { kernel: string; commandLine: string },
  source: BootSource,
): Promise<Record<string, Buffer>> {
  const copies = files.flatMap((file) => {
    if ("deviceTrees" in file) return deviceTrees(source.tree, kernel, file.deviceTrees);
    return "copyOf" in file ? [file] : [];
  });
  const data = await read(
    source,
    copies.map(({ copyOf }) => copyOf),
  );
  const texts = files.flatMap((file) =>
    "text" in file ? [[file.path, Buffer.from(file.text.replaceAll("COMMANDLINE", commandLine))] as const] : [],
  );
  return Object.fromEntries([...copies.map((file, index) => [file.path, data[index] as Buffer] as const), ...texts]);
}

/**
 * The kernel's device trees whose names begin with one of these, to be copied to the top of the FAT partition. Debian has them beside
 * the kernel's modules since its kernel 7, and in a folder of their own before.
 * @throws UserError when there are none
 */
export function deviceTrees(tree: Tree, kernel: string, prefixes: string[]): { path: string; copyOf: string }[] {
  const folders = [`/usr/lib/modules/${kernel}/dtb/`, `/usr/lib/linux-image-${kernel}/`];
  const found = [...tree.keys()]
    .filter((file) => folders.some((folder) => file.startsWith(folder)))
    .map((file) => ({ path: path.posix.basename(file), copyOf: file }))
    .filter(({ path: name }) => prefixes.some((prefix) => name.startsWith(prefix)) && name.endsWith(".dtb"));
  if (found.length === 0)
    throw new UserError(
      `The kernel ${kernel} has no device tree ${prefixes.join("*.dtb or ")}*.dtb, which the board needs.`,
    );
  return found.sort((one, other) => one.path.localeCompare(other.path));
}

function kernelVersion(manifest: Manifest, tree: Tree): string {
  const versions = [...tree.keys()].flatMap((file) => /^\/boot\/vmlinuz-(.+)$/.exec(file)?.[1] ?? []);
  const [version] = versions;
  if (version === undefined || versions.length > 1) {
    throw new UserError(
      `The packages of the image "${manifest.name}" hold ${versions.length} kernels, but there must be one` +
        `${versions.length > 1 ? ` (${versions.join(", ")})` : ": add a linux-image package"}.`,
    );
  }
  return version;
}

async function initrd(manifest: Manifest, kernel: string, source: BootSource): Promise<Buffer> {
  const folder = `/usr/lib/modules/${kernel}`;
  const names = ["modules.dep", "modules.builtin", "modules.softdep", "modules.alias"].map(
    (name) => `${folder}/${name}`,
  );
  const [busybox = Buffer.alloc(0), ...tables] = await read(source, ["/usr/bin/busybox", ...names]);
  const [dep = "", builtin = "", softdep = "", alias = ""] = tables.map(String);
  const { paths, missing } = moduleClosure(manifest.boot.modules, { dep, builtin, softdep, alias });
  if (missing.length > 0) {
    throw new UserError(`The kernel ${kernel} of the image "${manifest.name}" has no module ${missing.join(", ")}.`);
  }
  const packed = await read(
    source,
    paths.map((file) => `${folder}/${file}`),
  );
  const modules = await Promise.all(paths.map((file, index) => unpack(file, packed[index] ?? Buffer.alloc(0))));
  return buildInitrd(busybox, modules);
}

function read(source: BootSource, files: string[]): Promise<Buffer[]> {
  return readFiles(source.partition, files, source.work, source.signal);
}

async function unpack(file: string, data: Buffer): Promise<LoadableModule> {
  if (file.endsWith(".ko")) return { path: file, data };
  if (!file.endsWith(".ko.xz")) throw new Error(`kernel module ${file}: unknown compression`);
  const { stdout } = await execa("xz", ["--decompress", "--stdout"], {
    input: data,
    encoding: "buffer",
    env: { PATH: hostPath() },
  });
  return { path: file, data: stdout };
}

const MiB = 1024 * 1024;

function checkRoom(manifest: Manifest, files: readonly Buffer[]): void {
  // The tables of the FAT take a little, and a later kernel is a little larger.
  const needed = Math.ceil((files.reduce((sum, data) => sum + data.length, 0) * 1.1) / MiB) + 1;
  if (needed <= manifest.disk.bootMiB) return;
  throw new UserError(
    `The image "${manifest.name}" has a boot partition of ${manifest.disk.bootMiB} MiB, but needs ${needed} MiB.`,
  );
}

async function writeFirstSector(disk: string, sector: Buffer): Promise<void> {
  const handle = await open(disk, "r+");
  try {
    await handle.write(sector, 0, sector.length, 0);
  } finally {
    await handle.close();
  }
}

const sectorBytes = 512;

async function writeFat(
  disk: string,
  { offset, bytes }: { offset: number; bytes: number },
  files: Record<string, Buffer>,
  { work, signal }: BootSource,
): Promise<void> {
  const folder = path.join(work, "boot");
  for (const [name, data] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, data, { mode: 0o600 });
  }
  // mtools takes "@@" in a path for the offset, so the path is kept relative.
  const drive = `${path.relative(folder, disk)}@@${offset}`;
  const options = { cwd: folder, env: { SOURCE_DATE_EPOCH: String(imageTime), TZ: "UTC" }, signal };
  const size = ["-T", String(bytes / sectorBytes), "-h", "255", "-s", "63", "-H", String(offset / sectorBytes)];
  const fat32 = bytes >= 64 * MiB ? ["-F"] : [];
  await runOnHost(
    "mformat",
    ["-i", drive, ...fat32, ...size, "-v", "BOOT", "-N", freshDiskId.toString(16), "::"],
    options,
  );
  await runOnHost("mcopy", ["-s", "-i", drive, ...(await readdir(folder)).sort(), "::"], options);
}
