import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { type InstalledPackage, parseDpkgStatus } from "../../../formats/dpkg-status.ts";
import type { Context } from "../../../lib/program.ts";
import type { BootFiles, InstalledSystem } from "../boot/boot-files.ts";
import { checkBootRoom, withConfig, writeBootPartition } from "../boot/boot-partition.ts";
import { slotAdditions } from "../boot/slot-files.ts";
import { readFiles } from "../filesystem/debugfs.ts";
import { type OverlayEntry, planOverlay } from "../filesystem/overlay.ts";
import { shrink } from "../filesystem/shrink.ts";
import { listEntries, parseTree } from "../filesystem/tree.ts";
import { checkSpace } from "../install/free-space.ts";
import { rootImage, treeList } from "../install/packages-layer.ts";
import type { SystemSource } from "../install/system-source.ts";
import { diskGeometry } from "../manifest/geometry.ts";
import type { DiskLayout, Manifest } from "../manifest/manifest.ts";
import type { SystemContents } from "./contents.ts";
import { readAccounts, writeOverlay } from "./overlay-files.ts";
import { allocatedBytes, copySparse, placeRoot } from "./sparse-files.ts";

/** A program from the toolchain. `copyOf` is its path on the host, `path` that in the image. */
export interface ImageProgram {
  name: string;
  version: string;
  path: string;
  sha256: string;
  copyOf: string;
}

/** The programs layer's files, in addition to its list of files. */
export const diskImage = "disk.img";
const systemContents = "contents.json";

/**
 * Makes the programs layer from the packages layer: a disk with the boot partition, and the root with the programs.
 * Everything large is in it, so that changing a file or unit costs little more than a copy and a checksum.
 */
export async function makePrograms(
  manifest: Manifest,
  source: SystemSource,
  packages: string,
  programs: readonly ImageProgram[],
  dir: string,
  { progress, signal }: Context,
): Promise<void> {
  progress.step("programs: writing the kernel and the programs; next: the image");
  const partition = { disk: path.join(packages, rootImage), offset: 0 };
  const sizes = await Promise.all(programs.map(async ({ copyOf }) => (await stat(copyOf)).size));
  const large = sizes.reduce((sum, size) => sum + size, await allocatedBytes(partition.disk));
  await checkSpace(dir, large * 2.2, "the image");

  const work = path.join(dir, "work");
  await mkdir(work, { mode: 0o700 });
  const list = await readFile(path.join(packages, treeList), "utf8");
  const system = { layer: packages, partition, tree: parseTree(list), work, signal };
  const accounts = await readAccounts(partition, work, signal);
  const bootFiles = await source.bootFiles(system);
  const slot = manifest.disk.slots && (await slotAdditions(manifest.name, bootFiles, system));
  const additions = { ...slot, programs: [...programs, ...(slot?.programs ?? [])] };
  const overlay = planOverlay(manifest.name, additions, system.tree, accounts);
  const root = await makeRootFileSystem(manifest.disk, source, system, overlay);
  await makeProgramsDisk(manifest, bootFiles, system, root, path.join(dir, diskImage));

  const contents = {
    packages: await installedPackages(system),
    programs: programs.map(({ copyOf: _, ...program }) => program),
  };
  await writeFile(path.join(dir, systemContents), JSON.stringify(contents));
  await writeFile(path.join(dir, treeList), list + listEntries(overlay));
  await rm(work, { recursive: true });
}

/** What is in a programs layer. */
export async function readSystemContents(layer: string): Promise<SystemContents> {
  return JSON.parse(await readFile(path.join(layer, systemContents), "utf8")) as SystemContents;
}

async function installedPackages({ partition, work, signal }: InstalledSystem): Promise<InstalledPackage[]> {
  const [status] = await readFiles(partition, ["/var/lib/dpkg/status"], work, signal);
  return parseDpkgStatus(String(status));
}

/** Makes the root file system with the overlay. Returns its path. */
async function makeRootFileSystem(
  { grows }: DiskLayout,
  source: SystemSource,
  { partition, tree, work, signal }: InstalledSystem,
  overlay: readonly OverlayEntry[],
): Promise<string> {
  const root = path.join(work, rootImage);
  await copySparse(partition.disk, root, signal);
  const limit = { ...source.root, grows };
  await writeOverlay(overlay, { partition: { disk: root, offset: 0 }, tree, limit }, work, signal);
  if (grows) await shrink(root, signal);
  return root;
}

/** Makes the disk with that root and the boot partition. */
async function makeProgramsDisk(
  { name, disk: layout, boot }: Manifest,
  bootFiles: BootFiles,
  { work, signal }: InstalledSystem,
  root: string,
  disk: string,
): Promise<void> {
  const geometry = diskGeometry(layout, (await stat(root)).size);
  await placeRoot(root, disk, geometry.root.offset, signal);
  const files = withConfig(bootFiles, boot.config ?? []);
  checkBootRoom(name, layout, files);
  await writeBootPartition(disk, geometry, files, work, signal);
}
