import { chmod, mkdir, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { type InstalledPackage, parseDpkgStatus } from "../../../formats/dpkg-status.ts";
import { UserError } from "../../../lib/errors.ts";
import { runOnHost } from "../../../lib/host.ts";
import type { Context } from "../../../lib/program.ts";
import { writeBoot } from "../boot/boot.ts";
import { rootImage, rootTooSmall, treeList } from "../debian/debian.ts";
import { checkSpace } from "../debian/host.ts";
import { bootTar } from "../existing/base-image.ts";
import type { AccountFiles } from "../filesystem/accounts.ts";
import { FileSystemFull, type RootPartition, readFiles, runCommands } from "../filesystem/debugfs.ts";
import { type OverlayEntry, planOverlay, renderCommands } from "../filesystem/overlay.ts";
import { shrink, spareMiB } from "../filesystem/shrink.ts";
import { listEntries, parseTree, roomFor, type Tree } from "../filesystem/tree.ts";
import { diskGeometry } from "../manifest/geometry.ts";
import { imageTime } from "../manifest/image-time.ts";
import type { Manifest } from "../manifest/manifest.ts";

/** A program for the image, on the host's disk. */
export interface FetchedProgram {
  path: string;
  version: string;
  sha256: string;
}

/** What stands beside the disk of the programs layer: the list of contents needs it. */
export interface SystemContents {
  packages: InstalledPackage[];
  programs: { name: string; version: string; path: string; sha256: string }[];
}

const MiB = 1024 * 1024;

const diskImage = "disk.img";
const systemContents = "contents.json";

/**
 * Makes the programs layer from the packages layer: a disk with the boot partition, and the root with the programs.
 * All that is large is in it, so that a changed file or unit costs little more than a copy and a checksum.
 */
export async function makePrograms(
  manifest: Manifest,
  packages: string,
  fetched: ReadonlyMap<string, FetchedProgram>,
  dir: string,
  { progress, signal }: Context,
): Promise<void> {
  progress.step("programs: writing the kernel and the programs; next: the image");
  const sizes = await Promise.all([...fetched.values()].map(async (program) => (await stat(program.path)).size));
  const source = { disk: path.join(packages, rootImage), offset: 0 };
  await checkSpace(dir, sizes.reduce((sum, size) => sum + size, await usedBytes(source.disk)) * 2.2, "the image");

  const list = await readFile(path.join(packages, treeList), "utf8");
  const tree = parseTree(list);
  const work = path.join(dir, "work");
  await mkdir(work, { mode: 0o700 });
  const root = { ...source, disk: path.join(work, rootImage) };
  const [status] = await readFiles(source, ["/var/lib/dpkg/status"], work, signal);
  const files = new Map([...fetched].map(([name, program]) => [name, program.path]));
  const bare = { ...manifest, users: [], directories: [], files: [], links: [] };
  const overlay = planOverlay(bare, tree, await readAccounts(source, work, signal), files);
  await copySparse(source.disk, root.disk, signal);
  await writeOverlay(manifest, overlay, root, tree, work, signal);
  if (manifest.disk.grows) await shrink(root.disk, signal);

  const disk = path.join(dir, diskImage);
  const geometry = diskGeometry(manifest.disk, (await stat(root.disk)).size);
  await placeRoot(root.disk, disk, geometry.root.offset, signal);
  const bootSource = { partition: source, tree, bootTar: path.join(packages, bootTar), work, signal };
  await writeBoot(manifest, disk, geometry, bootSource);

  const programs = manifest.programs.map(({ name, path: file }) => {
    const { version = "", sha256 = "" } = fetched.get(name) ?? {};
    return { name, version, path: file, sha256 };
  });
  const contents: SystemContents = { packages: parseDpkgStatus(String(status)), programs };
  await writeFile(path.join(dir, systemContents), JSON.stringify(contents));
  await writeFile(path.join(dir, treeList), list + listEntries(overlay));
  await rm(work, { recursive: true });
}

/** What is in a programs layer. */
export async function readSystemContents(layer: string): Promise<SystemContents> {
  return JSON.parse(await readFile(path.join(layer, systemContents), "utf8")) as SystemContents;
}

/**
 * Makes the image from the programs layer: a sparse copy with the manifest's users, directories, files and links.
 * @param work a folder on the image's own disk; secrets are in it for a while
 * @returns the finished disk image, in the work folder
 */
export async function assemble(
  manifest: Manifest,
  layer: string,
  work: string,
  { progress, signal }: Context,
): Promise<RootPartition> {
  const source = { disk: path.join(layer, diskImage), offset: diskGeometry(manifest.disk).root.offset };
  const partition = { ...source, disk: path.join(work, diskImage) };
  await checkSpace(work, (await usedBytes(source.disk)) * 1.1, "the image");
  const tree = parseTree(await readFile(path.join(layer, treeList), "utf8"));
  const overlay = planOverlay({ ...manifest, programs: [] }, tree, await readAccounts(source, work, signal), new Map());
  progress.step(`image: writing ${overlay.length} files; next: its checksum`);
  await copySparse(source.disk, partition.disk, signal);
  await writeOverlay(manifest, overlay, partition, tree, work, signal);
  return partition;
}

async function copySparse(from: string, to: string, signal: AbortSignal): Promise<void> {
  await runOnHost("cp", ["--sparse=always", "--reflink=auto", from, to], { signal });
  await chmod(to, 0o600);
}

/** Puts the file system into a new disk, at that many bytes from its start; what is empty stays a hole. */
export async function placeRoot(root: string, disk: string, offset: number, signal: AbortSignal): Promise<void> {
  await writeFile(disk, "", { mode: 0o600 });
  await truncate(disk, offset + (await stat(root)).size);
  const blocks = ["bs=128K", `seek=${offset}`, "oflag=seek_bytes", "conv=notrunc,sparse", "status=none"];
  await runOnHost("dd", [`if=${root}`, `of=${disk}`, ...blocks], { signal });
}

async function usedBytes(file: string): Promise<number> {
  const blockBytes = 512;
  return (await stat(file)).blocks * blockBytes;
}

/** Fails when the file system has a fault that its own checker would want to mend on the machine. */
export async function checkFileSystem({ disk, offset }: RootPartition, signal: AbortSignal): Promise<void> {
  const folder = path.dirname(disk);
  await runOnHost("e2fsck", ["-f", "-n", `${path.basename(disk)}?offset=${offset}`], { cwd: folder, signal });
}

async function readAccounts(partition: RootPartition, work: string, signal: AbortSignal): Promise<AccountFiles> {
  const names = ["passwd", "group", "shadow", "gshadow"].map((name) => `/etc/${name}`);
  const [passwd = "", group = "", shadow = "", gshadow = ""] = (await readFiles(partition, names, work, signal)).map(
    String,
  );
  return { passwd, group, shadow, gshadow };
}

async function writeOverlay(
  manifest: Manifest,
  overlay: readonly OverlayEntry[],
  partition: RootPartition,
  tree: Tree,
  work: string,
  signal: AbortSignal,
): Promise<void> {
  const sources = new Map<OverlayEntry, string>();
  const sizes = [...tree.values()].map((entry) => entry.size);
  for (const [index, entry] of overlay.entries()) {
    if (entry.type !== "file") continue;
    const name = `file-${index}`;
    const file = path.join(work, name);
    if ("text" in entry.content) await writeFile(file, entry.content.text, { mode: 0o600 });
    else await symlink(entry.content.copyOf, file);
    sizes.push((await stat(file)).size);
    sources.set(entry, name);
  }
  try {
    await runCommands(partition, renderCommands(overlay, sources, imageTime), work, { write: true, signal });
  } catch (error) {
    throw error instanceof FileSystemFull ? noRoom(manifest, roomFor(sizes)) : error;
  }
}

function noRoom(manifest: Manifest, needed: number): UserError {
  if (!manifest.disk.grows || needed > manifest.disk.rootMiB * MiB) return rootTooSmall(manifest, needed);
  return new UserError(
    `The files of the image "${manifest.name}" take more than the ${spareMiB} MiB that they have beside packages and ` +
      "programs. What is that large is better in a package, or fetched by a job.",
  );
}
