import path from "node:path";
import { execa } from "execa";
import { UserError } from "../../../lib/errors.ts";
import { hostPath } from "../../../lib/host.ts";
import { type RootPartition, readFiles } from "../filesystem/debugfs.ts";
import type { Tree } from "../filesystem/tree.ts";
import { rootDevice } from "../manifest/geometry.ts";
import type { BootFile, Manifest } from "../manifest/manifest.ts";
import { firstSlot, slotFolder, slotWord } from "../manifest/slots.ts";
import { buildInitrd, type LoadableModule } from "./initrd.ts";
import { moduleClosure } from "./modules.ts";

/** A packages layer, the source of the kernel and its modules. */
export interface InstalledSystem {
  /** The layer's folder. */
  layer: string;
  partition: RootPartition;
  tree: Tree;
  /** A folder for temporary files. */
  work: string;
  signal: AbortSignal;
}

/** The files of the FAT partition by path. */
export type BootFiles = Record<string, Buffer>;

/** What determines them for a system with one of Debian's kernels. */
type Bootable = Pick<Manifest, "name" | "boot" | "disk">;

/** The kernel's files, in the first slot's folder if the disk has slots, and those that the board's firmware needs. */
export async function kernelBootFiles(image: Bootable, system: InstalledSystem): Promise<BootFiles> {
  const kernel = kernelVersion(image.name, system.tree);
  const [vmlinuz = Buffer.alloc(0)] = await readSystemFiles(system, [kernelFile(kernel)]);
  const slotWords = image.disk.slots ? [slotWord(firstSlot)] : [];
  const commandLine = [image.boot.commandLine, ...slotWords, `root=${rootDevice(image.disk)}`].join(" ");
  const trees = image.boot.files.flatMap((file) => ("deviceTrees" in file ? file.deviceTrees : []));
  const files = {
    vmlinuz,
    "initrd.img": await initrd(image, kernel, system),
    "cmdline.txt": Buffer.from(`${commandLine}\n`),
    ...(trees.length > 0 && (await copiesOf(deviceTrees(system.tree, kernel, trees), system))),
  };
  const folder = image.disk.slots ? slotFolder : "";
  return {
    ...Object.fromEntries(Object.entries(files).map(([name, data]) => [folder + name, data])),
    ...(await firmwareFiles(image.boot.files, commandLine, system)),
  };
}

/** The board's own files by their path on the FAT partition. */
async function firmwareFiles(files: BootFile[], commandLine: string, system: InstalledSystem): Promise<BootFiles> {
  const texts = files.flatMap((file) =>
    "text" in file ? [[file.path, Buffer.from(file.text.replaceAll("COMMANDLINE", commandLine))] as const] : [],
  );
  const copies = files.flatMap((file) => ("copyOf" in file ? [file] : []));
  return { ...(await copiesOf(copies, system)), ...Object.fromEntries(texts) };
}

async function copiesOf(copies: { path: string; copyOf: string }[], system: InstalledSystem): Promise<BootFiles> {
  const data = await readSystemFiles(
    system,
    copies.map(({ copyOf }) => copyOf),
  );
  return Object.fromEntries(copies.map((file, index) => [file.path, data[index] as Buffer] as const));
}

/**
 * The kernel's device trees with one of these prefixes, to be copied beside the kernel. Debian keeps them next to the
 * kernel's modules since its kernel 7, and in a folder of their own before.
 * @throws UserError if there are none
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

/** Where Debian's packages have a kernel. */
export const kernelFile = (version: string): string => `/boot/vmlinuz-${version}`;

/** @throws UserError unless there is one kernel */
export function kernelVersion(image: string, tree: Tree): string {
  const versions = [...tree.keys()].flatMap((file) => /^\/boot\/vmlinuz-(.+)$/.exec(file)?.[1] ?? []);
  const [version] = versions;
  if (version === undefined || versions.length > 1) {
    throw new UserError(
      `The packages of the image "${image}" hold ${versions.length} kernels, but there must be one` +
        `${versions.length > 1 ? ` (${versions.join(", ")})` : ": add a linux-image package"}.`,
    );
  }
  return version;
}

async function initrd(image: Bootable, kernel: string, system: InstalledSystem): Promise<Buffer> {
  const folder = `/usr/lib/modules/${kernel}`;
  const names = ["modules.dep", "modules.builtin", "modules.softdep", "modules.alias"].map(
    (name) => `${folder}/${name}`,
  );
  const [busybox = Buffer.alloc(0), ...tables] = await readSystemFiles(system, ["/usr/bin/busybox", ...names]);
  const [dep = "", builtin = "", softdep = "", alias = ""] = tables.map(String);
  const { paths, missing } = moduleClosure(image.boot.modules, { dep, builtin, softdep, alias });
  if (missing.length > 0) {
    throw new UserError(`The kernel ${kernel} of the image "${image.name}" has no module ${missing.join(", ")}.`);
  }
  const packed = await readSystemFiles(
    system,
    paths.map((file) => `${folder}/${file}`),
  );
  const modules = await Promise.all(paths.map((file, index) => unpackModule(file, packed[index] ?? Buffer.alloc(0))));
  return buildInitrd(busybox, modules);
}

function readSystemFiles(system: InstalledSystem, files: string[]): Promise<Buffer[]> {
  return readFiles(system.partition, files, system.work, system.signal);
}

async function unpackModule(file: string, data: Buffer): Promise<LoadableModule> {
  if (file.endsWith(".ko")) return { path: file, data };
  if (!file.endsWith(".ko.xz")) throw new Error(`kernel module ${file}: unknown compression`);
  const { stdout } = await execa("xz", ["--decompress", "--stdout"], {
    input: data,
    encoding: "buffer",
    env: { PATH: hostPath() },
  });
  return { path: file, data: stdout };
}
