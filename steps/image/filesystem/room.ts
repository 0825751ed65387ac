import { MiB } from "../../../formats/units.ts";
import { UserError } from "../../../lib/errors.ts";

const blockBytes = 4096;
const journalBytes = 16 * MiB;

/** The approximate space that files need on ext4, bytes: blocks, inodes and the journal. */
export function roomFor(sizes: Iterable<number>): number {
  let bytes = 0;
  for (const size of sizes) bytes += Math.ceil(size / blockBytes) * blockBytes + 256;
  // Inode tables, reserved blocks and folders take about a twentieth.
  return Math.ceil(bytes * 1.05) + journalBytes;
}

/** The root partition that an image's files have to fit into. */
export interface RootLimit {
  image: string;
  rootMiB: number;
  /** What to do if they don't fit, e.g. "leave some out". */
  remedy: string;
}

/** The error for a root partition that is smaller than the files. */
export function rootTooSmall({ image, rootMiB, remedy }: RootLimit, bytes: number): UserError {
  return new UserError(
    `The image "${image}" has a root partition of ${rootMiB} MiB, ` +
      `but its files need about ${Math.ceil(bytes / MiB)} MiB: ${remedy}.`,
  );
}
