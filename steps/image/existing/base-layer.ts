import { type FileHandle, open, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Ext4, type Ext4Entry, needsRecovery, openExt4, type ReadAt } from "../../../formats/ext4/ext4.ts";
import { sectorBytes } from "../../../formats/units.ts";
import type { Architecture } from "../../../lib/architecture.ts";
import { UserError } from "../../../lib/errors.ts";
import { readAt } from "../../../lib/files.ts";
import { runOnHost } from "../../../lib/host.ts";
import type { Context } from "../../../lib/program.ts";
import { baseTar } from "../install/packages-layer.ts";
import type { ImageBase } from "../manifest/manifest.ts";
import { bootFolder } from "./base-changes.ts";
import { checkSystem } from "./check-system.ts";
import { bytesOf, copyBoot, copyFileSystem, writeTar } from "./copy-files.ts";
import { fetchBaseImage, unpackBaseImage } from "./fetch-base-image.ts";
import { findPartitions } from "./partitions.ts";

/** The description beside the tar of a base layer made from an existing image. */
export interface BaseSystem {
  /** Names of the installed packages. */
  packages: string[];
  /** Where the files of the FAT partition are in the tar, e.g. boot/firmware. */
  boot: string;
  /** Device nodes, which only root can create; they are written into the finished file system. */
  devices: Ext4Entry[];
}

const systemFile = "system.json";

export async function readBaseSystem(layer: string): Promise<BaseSystem> {
  return JSON.parse(await readFile(path.join(layer, systemFile), "utf8")) as BaseSystem;
}

/**
 * Makes the base layer from an existing image: its root file system as a tar, with the files of the FAT partition in
 * the folder where the system mounts it. Needs neither mounts nor root.
 * @throws UserError if the image can't be fetched, has another checksum, or has an unsupported layout
 */
export async function makeBaseLayer(
  image: ImageBase,
  board: Architecture,
  dir: string,
  context: Context,
): Promise<void> {
  const file = await fetchBaseImage(image, context);
  context.progress.step("base: unpacking the image; next: its files");
  const disk = path.join(dir, "base.img");
  await unpackBaseImage(file, disk, context.signal);
  const handle = await open(disk, "r");
  try {
    const system = await copySystem(disk, handle, board, path.join(dir, baseTar), context);
    await writeFile(path.join(dir, systemFile), JSON.stringify(system));
  } finally {
    await handle.close();
  }
  await rm(disk);
}

/** Writes the tar of a disk's system, and returns its description. */
async function copySystem(
  disk: string,
  handle: FileHandle,
  board: Architecture,
  tar: string,
  { progress, signal }: Context,
): Promise<BaseSystem> {
  const { boot: bootPartition, root } = findPartitions(await reader(handle, 0)(0, sectorBytes));
  const read = reader(handle, root.offset);
  if (await needsRecovery(read)) await replayJournal(disk, root.offset, signal);
  const fileSystem = await openExt4(read);
  const [release, status, fstab] = await Promise.all(
    ["usr/lib/os-release", "var/lib/dpkg/status", "etc/fstab"].map((name) => textOf(fileSystem, name)),
  );
  const packages = checkSystem(release ?? "", status ?? "", board);
  const boot = bootFolder(fstab ?? "");
  progress.step("base: copying the image's files; next: packages");
  const devices = await writeTar(tar, async (write) => {
    const found = await copyFileSystem(fileSystem, boot, write, signal);
    await copyBoot(disk, bootPartition.offset, boot, write, signal);
    return found;
  });
  return { packages: packages.map(({ name }) => name), boot, devices };
}

function reader(handle: FileHandle, start: number): ReadAt {
  return async (offset, length) => {
    const bytes = await readAt(handle, start + offset, length);
    if (bytes.length === length) return bytes;
    throw new UserError("The base image is truncated: it ends before its partitions do.");
  };
}

/** Replays the journal of a file system that was in use when it was copied. */
async function replayJournal(disk: string, offset: number, signal: AbortSignal): Promise<void> {
  const partition = `${path.basename(disk)}?offset=${offset}`;
  // Exit code 1 means that it has repaired something.
  const script = 'e2fsck -p "$1" || [ $? = 1 ]';
  await runOnHost("sh", ["-c", script, "sh", partition], { cwd: path.dirname(disk), signal });
}

async function textOf(fileSystem: Ext4, name: string): Promise<string | undefined> {
  const entry = await fileSystem.find(name);
  if (entry?.type !== "file") return undefined;
  return (await bytesOf(fileSystem, entry)).toString("utf8");
}
