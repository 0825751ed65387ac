import { statfs } from "node:fs/promises";
import { UserError } from "../../../lib/errors.ts";
import { requirePrograms } from "../../../lib/host.ts";

const programs = [
  "mmdebstrap",
  "mke2fs",
  "debugfs",
  "e2fsck",
  "resize2fs",
  "mformat",
  "mcopy",
  "xz",
  "flock",
  "setpriv",
];

/** Fails with all programs that this host lacks for building images. A plain user's name space needs one more. */
export async function checkPrograms(): Promise<void> {
  const isRoot = process.getuid?.() === 0;
  await requirePrograms("Building images", isRoot ? programs : [...programs, "newuidmap"]);
}

const MiB = 1024 * 1024;

/** Fails when the disk that holds the folder has less free space than a step will write. */
export async function checkSpace(folder: string, bytes: number, purpose: string): Promise<void> {
  const disk = await statfs(folder);
  const free = disk.bavail * disk.bsize;
  if (free >= bytes) return;
  throw new UserError(
    `The disk of ${folder} has ${Math.floor(free / MiB)} MiB free, but ${purpose} needs about ` +
      `${Math.ceil(bytes / MiB)} MiB. Free some space there and try again.`,
  );
}
