import { statfs } from "node:fs/promises";
import { MiB } from "../../../formats/units.ts";
import { UserError } from "../../../lib/errors.ts";

/** @throws UserError if the folder's disk has less free space than a step will write, in bytes */
export async function checkSpace(folder: string, bytes: number, purpose: string): Promise<void> {
  const disk = await statfs(folder);
  const free = disk.bavail * disk.bsize;
  if (free >= bytes) return;
  throw new UserError(
    `The disk of ${folder} has ${Math.floor(free / MiB)} MiB free, but ${purpose} needs about ` +
      `${Math.ceil(bytes / MiB)} MiB. Free some space there and try again.`,
  );
}
