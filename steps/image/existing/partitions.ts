import { linuxPartition, readPartitions } from "../../../formats/mbr.ts";
import type { Extent } from "../../../formats/units.ts";
import { UserError } from "../../../lib/errors.ts";

const fat = [0x01, 0x04, 0x06, 0x0b, 0x0c, 0x0e];

/** Finds the FAT and root partitions in the first sector of a disk image with the layout of Raspberry Pi OS. */
export function findPartitions(sector: Buffer): { boot: Extent; root: Extent } {
  const partitions = readPartitions(sector);
  if (!partitions) throw new UserError("The base image has no partition table: it is not the image of a card.");
  if (partitions.some(({ type }) => type === 0xee)) {
    throw new UserError("The base image has a GPT; only one with an MBR, as Raspberry Pi OS has, can be a base.");
  }
  const [boot, root, ...others] = partitions;
  if (!boot || !root || others.length > 0 || !fat.includes(boot.type) || root.type !== linuxPartition) {
    const types = partitions.map(({ type }) => `0x${type.toString(16).padStart(2, "0")}`).join(", ") || "none";
    throw new UserError(
      `The base image has partitions of the types ${types}; it should have two: FAT (0x0c) and Linux (0x83).`,
    );
  }
  return { boot: { offset: boot.offset, bytes: boot.bytes }, root: { offset: root.offset, bytes: root.bytes } };
}
