import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { UserError } from "../../../lib/errors.ts";
import { runOnHost } from "../../../lib/host.ts";
import { imageTime } from "../manifest/image-time.ts";

/** The root file system inside a disk image, which debugfs reads and writes in place, without a mount or root. */
export interface RootPartition {
  /** Absolute path of the disk image. */
  disk: string;
  /** Where the file system begins, bytes. */
  offset: number;
}

/** Runs debugfs commands in a folder, which relative paths of the host refer to. @throws Error if a command fails */
export async function runCommands(
  partition: RootPartition,
  commands: string,
  folder: string,
  options: { write: boolean; signal: AbortSignal },
): Promise<void> {
  const script = path.join(folder, "debugfs.commands");
  await writeFile(script, commands, { mode: 0o600 });
  const complaints: string[] = [];
  // debugfs would take a "?" in an absolute path for the start of its options.
  const disk = `${path.relative(folder, partition.disk)}?offset=${partition.offset}`;
  await runOnHost("debugfs", [...(options.write ? ["-w"] : []), "-f", script, disk], {
    cwd: folder,
    env: { E2FSPROGS_FAKE_TIME: String(imageTime), LC_ALL: "C.UTF-8" },
    signal: options.signal,
    // debugfs exits with 0 even if a command fails, so its output decides.
    onLine: (line) => isComplaint(line) && complaints.push(line),
  });
  if (complaints.length === 0) return;
  const full = complaints.some((line) => /could not allocate|no space left/i.test(line));
  throw full
    ? new FileSystemFull()
    : new Error(`debugfs on ${partition.disk}:\n  ${complaints.slice(0, 12).join("\n  ")}`);
}

/** The root partition is full. */
export class FileSystemFull extends UserError {
  override name = "FileSystemFull";
}

function isComplaint(line: string): boolean {
  return !/^(debugfs[: ]|Allocated inode: )/.test(line);
}

/** Copies files out of the file system and returns their bytes, in the same order. */
export async function readFiles(
  partition: RootPartition,
  files: readonly string[],
  folder: string,
  signal: AbortSignal,
): Promise<Buffer[]> {
  const names = files.map((_, index) => `dump-${index}`);
  const commands = files.map((file, index) => `dump ${file} ${names[index]}\n`).join("");
  await runCommands(partition, commands, folder, { write: false, signal });
  return Promise.all(names.map((name) => readFile(path.join(folder, name))));
}
