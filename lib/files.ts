import { createHash, randomBytes } from "node:crypto";
import { access, type FileHandle, link, mkdir, mkdtemp, open, readdir, rename, rm, stat } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { UserError } from "./errors.ts";

/** How names begin of what is unfinished; then come the machine and the process that made it. */
type Marker = ".unfinished-" | "piinit-tmp-";
const unfinishedMarker: Marker = ".unfinished-";
const prefix = (marker: Marker = unfinishedMarker) => `${marker}${hostname()}-${process.pid}-`;
const dayMs = 24 * 60 * 60 * 1000;

/**
 * Makes a folder whole or not at all: `fill` works under a temporary name beside it, which becomes the folder's when
 * all is on disk. Where another process made the same folder meanwhile, that one stays.
 */
export async function makeFolder(folder: string, fill: (unfinished: string) => Promise<void>): Promise<void> {
  const parent = path.dirname(folder);
  await inUnfinishedFolder(parent, async (unfinished) => {
    await fill(unfinished);
    await syncFiles(unfinished);
    await rename(unfinished, folder).catch(unlessTaken);
    await syncToDisk(parent);
  });
}

/**
 * Gives `work` a new folder below `parent`, readable only by this user, and removes it afterwards, with those that killed
 * processes left there.
 */
export async function inUnfinishedFolder<T>(
  parent: string,
  work: (unfinished: string) => Promise<T>,
  marker: Marker = unfinishedMarker,
): Promise<T> {
  await mkdir(parent, { recursive: true });
  await removeAbandoned(parent, marker);
  const unfinished = await mkdtemp(path.join(parent, prefix(marker)));
  try {
    return await work(unfinished);
  } finally {
    await rm(unfinished, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The same in the system's folder for temporary files. */
export function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  return inUnfinishedFolder(tmpdir(), work, "piinit-tmp-");
}

/** Whether a file's name says that it, or a folder, is unfinished. */
export const isUnfinished = (name: string): boolean => name.startsWith(unfinishedMarker);

/** Writes a small file whole or not at all; one that exists is replaced. */
export async function writeFileWhole(file: string, content: string | Buffer, mode = 0o644): Promise<void> {
  await writeUnfinished(file, content, mode, (unfinished) => rename(unfinished, file));
}

/** Like writeFileWhole, but keeps a file that exists. Returns whether this call created it. */
export async function createFileWhole(file: string, text: string, mode: number): Promise<boolean> {
  let isNew = true;
  await writeUnfinished(file, text, mode, (unfinished) =>
    // A link, unlike a rename, never replaces a file that another process made meanwhile.
    link(unfinished, file).catch((error: NodeJS.ErrnoException) => {
      unlessTaken(error);
      isNew = false;
    }),
  );
  return isNew;
}

async function writeUnfinished(
  file: string,
  content: string | Buffer,
  mode: number,
  finish: (unfinished: string) => Promise<void>,
): Promise<void> {
  const parent = path.dirname(file);
  await mkdir(parent, { recursive: true });
  await removeAbandoned(parent);
  const unfinished = path.join(parent, `${prefix()}${randomBytes(4).toString("hex")}`);
  try {
    const handle = await open(unfinished, "wx", mode);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await finish(unfinished);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === "ENOSPC" ? new UserError(`No space is left on the disk of ${file}. Free some.`) : error;
  } finally {
    await rm(unfinished, { force: true });
  }
}

export async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function unlessTaken(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
}

/**
 * Removes what killed processes of this user left: this machine's once the process is gone, others' (a shared home)
 * after a day.
 */
export async function removeAbandoned(parent: string, marker: Marker = unfinishedMarker): Promise<void> {
  for (const name of await readdir(parent).catch(() => [])) {
    if (!name.startsWith(marker)) continue;
    const file = path.join(parent, name);
    if (await isAbandoned(name.slice(marker.length), file))
      await rm(file, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function isAbandoned(maker: string, file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  if (!found || found.uid !== process.getuid?.()) return false;
  const here = `${hostname()}-`;
  if (maker.startsWith(here)) return !isRunning(Number.parseInt(maker.slice(here.length), 10));
  return Date.now() - found.mtimeMs > dayMs;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** A power cut after the rename must not leave the final name on empty files. */
export async function syncFiles(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) await syncToDisk(path.join(entry.parentPath ?? entry.path, entry.name));
  }
  await syncToDisk(folder);
}

/** Returns when a file or a folder is on disk. */
export async function syncToDisk(file: string): Promise<void> {
  const handle = await open(file, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Fills the buffer from a file; returns the number of bytes, fewer than asked for at the file's end. */
export async function readFully(handle: FileHandle, buffer: Buffer, position: number): Promise<number> {
  let done = 0;
  while (done < buffer.length) {
    const { bytesRead } = await handle.read(buffer, done, buffer.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

/** The bytes of a file at that offset; fewer at the file's end. */
export async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, await readFully(handle, buffer, position));
}

const chunkBytes = 4 * 1024 * 1024;

/** The SHA-256 of a file, lower-case hex. */
export async function sha256OfFile(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const handle = await open(file, "r");
  const buffer = Buffer.allocUnsafe(chunkBytes);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await handle.read(buffer, 0, chunkBytes, null);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}
