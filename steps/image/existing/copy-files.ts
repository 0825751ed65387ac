import { mkdir, open, readdir, readFile, rm, stat } from "node:fs/promises";
import path from "node:path";
import type { Ext4, Ext4Entry } from "../../../formats/ext4/ext4.ts";
import { type TarEntry, tarEnd, tarHeader, tarPadding } from "../../../formats/tar.ts";
import { MiB } from "../../../formats/units.ts";
import { runOnHost } from "../../../lib/host.ts";
import { imageTime } from "../manifest/image-time.ts";
import { edits, isOmitted } from "./base-changes.ts";

type Write = (bytes: Buffer) => Promise<void>;

/** Writes a tar of what the work passes to `write`, in batches. */
export async function writeTar<T>(file: string, work: (write: Write) => Promise<T>): Promise<T> {
  const batchBytes = 4 * MiB;
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

/** Copies the root file system without what is omitted, and returns its device nodes. */
export async function copyFileSystem(
  fileSystem: Ext4,
  boot: string,
  write: Write,
  signal: AbortSignal,
): Promise<Ext4Entry[]> {
  const devices: Ext4Entry[] = [];
  const names = new Map<number, string>();
  for await (const entry of fileSystem.walk()) {
    signal.throwIfAborted();
    if (entry.path === "" || isOmitted(entry.path) || entry.path.startsWith(`${boot}/`)) continue;
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

/** Copies the files of the FAT partition into the folder where the system mounts it. */
export async function copyBoot(
  disk: string,
  offset: number,
  folder: string,
  write: Write,
  signal: AbortSignal,
): Promise<void> {
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
      path: `./${folder}/${Buffer.from(name).toString("latin1")}`,
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

export async function bytesOf(fileSystem: Ext4, entry: Ext4Entry): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of fileSystem.content(entry)) pieces.push(piece);
  return Buffer.concat(pieces);
}
