import { statfs } from "node:fs/promises";
import { UserError } from "../../../lib/errors.ts";
import { requirePackages } from "../../../lib/host.ts";
import { imagePackages } from "../../../lib/packages.ts";

/** Fails with all that this host lacks for building images, and the packages that have it. */
export const checkPrograms = (): Promise<void> => requirePackages("Building images", imagePackages);

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
