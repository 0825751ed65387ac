import { appendFile, type FileHandle, mkdir, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Ext4, type Ext4Entry, needsRecovery, openExt4, type ReadAt } from "../../../formats/ext4/ext4.ts";
import { type TarEntry, tarEnd, tarHeader, tarPadding } from "../../../formats/tar.ts";
import { UserError } from "../../../lib/errors.ts";
import { runOnHost } from "../../../lib/host.ts";
import type { Context } from "../../../lib/program.ts";
import { baseTar, type Emulation, hooks, installPackages, rootImage, treeList } from "../debian/debian.ts";
import { packagesOnImageArguments } from "../debian/recipe.ts";
import { runCommands } from "../filesystem/debugfs.ts";
import { imageTime } from "../manifest/image-time.ts";
import type { ImageBase, ManifestOf } from "../manifest/manifest.ts";
import { checkedImage, unpackImage } from "./fetch-image.ts";
import { bootDescriptor, takeBootHook } from "./image-recipe.ts";
import { findPartitions } from "./partitions.ts";
import { bootFolder, checkSystem, edits, isLeftOut } from "./takeover.ts";

/** What stands beside the tar of a base layer that was made from an image. */
export interface BaseSystem {
  /** Names of the packages that are installed. */
  packages: string[];
  /** Where the files of the FAT partition are in the tar, e.g. boot/firmware. */
  boot: string;
  /** Device nodes, which nobody but root can make in a folder; they are written into the finished file system. */
  devices: Ext4Entry[];
}

const systemFile = "system.json";

export async function readBaseSystem(layer: string): Promise<BaseSystem> {
  return JSON.parse(await readFile(path.join(layer, systemFile), "utf8")) as BaseSystem;
}

/**
 * Makes the base layer from an existing image: its root file system as a tar, with the files of the FAT partition in
 * the folder where the system mounts it. Nothing is mounted and nobody has to be root.
 * @throws UserError for an image that can't be had, isn't what was promised, or isn't laid out as it has to be
 */
export async function makeImageBase(manifest: ManifestOf<ImageBase>, dir: string, context: Context): Promise<void> {
  const file = await checkedImage(manifest.base, context);
  context.progress.step("base: unpacking the image; next: its files");
  const disk = path.join(dir, "base.img");
  await unpackImage(file, disk, context.signal);
  const handle = await open(disk, "r");
  try {
    const { boot, root } = findPartitions(await reader(handle, 0)(0, 512));
    const read = reader(handle, root.offset);
    if (await needsRecovery(read)) await recover(disk, root.offset, context.signal);
    const fileSystem = await openExt4(read);
    const packages = checkSystem(
      (await textOf(fileSystem, "usr/lib/os-release")) ?? "",
      (await textOf(fileSystem, "var/lib/dpkg/status")) ?? "",
      manifest.architecture,
    );
    const place = bootFolder((await textOf(fileSystem, "etc/fstab")) ?? "");
    context.progress.step("base: copying the image's files; next: packages");
    const devices = await writeTar(path.join(dir, baseTar), async (tar) => {
      const found = await copyFileSystem(fileSystem, place, tar, context.signal);
      await copyBoot(disk, boot.offset, place, tar, context.signal);
      return found;
    });
    const system: BaseSystem = { packages: packages.map(({ name }) => name), boot: place, devices };
    await writeFile(path.join(dir, systemFile), JSON.stringify(system));
  } finally {
    await handle.close();
  }
  await rm(disk);
}

/** The packages layer's tar with the files of the FAT partition. */
export const bootTar = "boot.tar";

/** Makes the packages layer of such a base: what it lacks is installed by its own apt. */
export async function makeImagePackages(
  manifest: ManifestOf<ImageBase>,
  base: string,
  dir: string,
  context: Context,
  emulation?: Emulation,
): Promise<void> {
  const system = await readBaseSystem(base);
  const missing = manifest.packages.filter((name) => !system.packages.includes(name));
  await installPackages(manifest, base, dir, context, {
    room: 2 * (await stat(path.join(base, baseTar))).size,
    arguments: [...hooks("setup", emulation?.hook), ...packagesOnImageArguments(missing)],
    last: [takeBootHook(system.boot)],
    descriptors: `${bootDescriptor}>${bootTar}`,
    emulation,
  });
  if (system.devices.length === 0) return;
  const partition = { disk: path.join(dir, rootImage), offset: 0 };
  const work = path.join(dir, "work");
  await mkdir(work);
  await runCommands(partition, deviceCommands(system.devices), work, { write: true, signal: context.signal });
  await rm(work, { recursive: true });
  await appendFile(path.join(dir, treeList), system.devices.map(({ path: name }) => `c - - - 0 ${name}\0\0`).join(""));
}

/** Device nodes as commands for debugfs. */
export function deviceCommands(devices: readonly Ext4Entry[]): string {
  return devices
    .flatMap(({ path: name, type, mode, uid, gid, time, device }) => {
      const [letter, typeBits] = type === "block" ? ["b", 0o060000] : ["c", 0o020000];
      const set = (field: string, value: string | number) => `set_inode_field "/${name}" ${field} ${value}\n`;
      return [
        `cd "/${path.posix.dirname(name)}"\n`,
        `mknod "${path.posix.basename(name)}" ${letter} ${device.major} ${device.minor}\n`,
        set("mode", `0${(typeBits | mode).toString(8)}`),
        set("uid", uid),
        set("gid", gid),
        ...["atime", "ctime", "mtime", "crtime"].map((field) => set(field, `@${Math.min(time, imageTime)}`)),
      ];
    })
    .join("");
}

function reader(handle: FileHandle, start: number): ReadAt {
  return async (offset, length) => {
    const buffer = Buffer.alloc(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await handle.read(buffer, done, length - done, start + offset + done);
      if (bytesRead === 0) throw new UserError("The base image ends before its partitions do: it isn't whole.");
      done += bytesRead;
    }
    return buffer;
  };
}

/** Plays back the journal of a file system that was in use when it was copied. */
async function recover(disk: string, offset: number, signal: AbortSignal): Promise<void> {
  const partition = `${path.basename(disk)}?offset=${offset}`;
  // It ends with 1 when it has mended something.
  const script = 'e2fsck -p "$1" || [ $? = 1 ]';
  await runOnHost("sh", ["-c", script, "sh", partition], { cwd: path.dirname(disk), signal });
}

async function textOf(fileSystem: Ext4, name: string): Promise<string | undefined> {
  const entry = await fileSystem.find(name);
  if (entry?.type !== "file") return undefined;
  return (await bytesOf(fileSystem, entry)).toString("utf8");
}

async function bytesOf(fileSystem: Ext4, entry: Ext4Entry): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of fileSystem.content(entry)) pieces.push(piece);
  return Buffer.concat(pieces);
}

type Write = (bytes: Buffer) => Promise<void>;

/** Writes a tar by what the work gives to `write`, a few pieces at a time. */
async function writeTar<T>(file: string, work: (write: Write) => Promise<T>): Promise<T> {
  const batchBytes = 4 * 1024 * 1024;
  const handle = await open(file, "w", 0o600);
  let batch: Buffer[] = [];
  let bytes = 0;
  const flush = async () => {
    await handle.appendFile(Buffer.concat(batch));
    batch = [];
    bytes = 0;
  };
  try {
    const result = await work(async (piece) => {
      batch.push(piece);
      bytes += piece.length;
      if (bytes >= batchBytes) await flush();
    });
    batch.push(tarEnd);
    await flush();
    return result;
  } finally {
    await handle.close();
  }
}

/** Writes all that is taken over of the root file system, and returns its device nodes. */
async function copyFileSystem(fileSystem: Ext4, boot: string, write: Write, signal: AbortSignal): Promise<Ext4Entry[]> {
  const devices: Ext4Entry[] = [];
  const names = new Map<number, string>();
  for await (const entry of fileSystem.walk()) {
    signal.throwIfAborted();
    if (entry.path === "" || isLeftOut(entry.path) || entry.path.startsWith(`${boot}/`)) continue;
    if (entry.type === "character" || entry.type === "block") devices.push(entry);
    else if (entry.type !== "socket") await copyEntry(fileSystem, entry, names, write);
  }
  return devices;
}

async function copyEntry(fileSystem: Ext4, entry: Ext4Entry, names: Map<number, string>, write: Write): Promise<void> {
  const { path: name, type } = entry;
  const header = (changes: Partial<TarEntry>) => tarHeader({ ...tarEntryOf(entry), ...changes });
  const first = names.get(entry.inode);
  if (type === "file" && first !== undefined) return write(header({ type: "hard link", target: first, size: 0 }));
  if (entry.names > 1) names.set(entry.inode, `./${name}`);
  const edit = edits[name];
  if (type === "file" && edit) {
    const bytes = Buffer.from(edit((await bytesOf(fileSystem, entry)).toString("latin1")), "latin1");
    await write(Buffer.concat([header({ size: bytes.length }), bytes, tarPadding(bytes.length)]));
    return;
  }
  await write(header({}));
  if (type !== "file") return;
  for await (const piece of fileSystem.content(entry)) await write(piece);
  await write(tarPadding(entry.size));
}

function tarEntryOf(entry: Ext4Entry): TarEntry {
  const { mode, uid, gid, time, size, target } = entry;
  const type = entry.type as TarEntry["type"];
  const attributes = new Map([...entry.attributes].filter(([name]) => /^(user\.|security\.capability$)/.test(name)));
  return { path: `./${entry.path}`, type, mode, uid, gid, time, size, target, attributes };
}

/** Writes the files of the FAT partition, below the folder where the system has them. */
async function copyBoot(disk: string, offset: number, place: string, write: Write, signal: AbortSignal): Promise<void> {
  const work = path.join(path.dirname(disk), "fat");
  await mkdir(work);
  await runOnHost("mcopy", ["-s", "-n", "-i", `${path.basename(disk)}@@${offset}`, "::", path.basename(work)], {
    cwd: path.dirname(disk),
    signal,
  });
  const names = (await readdir(work, { recursive: true })).sort();
  for (const name of names) {
    const file = path.join(work, name);
    const isFolder = (await stat(file)).isDirectory();
    const data = isFolder ? Buffer.alloc(0) : await readFile(file);
    const header = tarHeader({
      path: `./${place}/${Buffer.from(name).toString("latin1")}`,
      type: isFolder ? "directory" : "file",
      mode: 0o755,
      uid: 0,
      gid: 0,
      time: imageTime,
      size: data.length,
      target: "",
      attributes: new Map(),
    });
    await write(Buffer.concat([header, data, tarPadding(data.length)]));
  }
  await rm(work, { recursive: true });
}
