import { type Extent, sectorBytes } from "./units.ts";

export const linuxPartition = 0x83;

/** A partition as the table in a disk's first sector has it; of the type 0xee when the disk has a GPT. */
export interface Partition extends Extent {
  type: number;
}

/** The partitions of a disk, in the order of its MBR; undefined when the first sector holds no such table. */
export function readPartitions(sector: Buffer): Partition[] | undefined {
  if (sector.length < sectorBytes || sector.readUInt16LE(510) !== 0xaa55) return undefined;
  return [446, 462, 478, 494]
    .map((at) => ({
      type: sector.readUInt8(at + 4),
      offset: sector.readUInt32LE(at + 8) * sectorBytes,
      bytes: sector.readUInt32LE(at + 12) * sectorBytes,
    }))
    .filter(({ type }) => type !== 0);
}

/** The disk's first sector: an MBR partition table, the FAT partition marked as active. */
export function masterBootRecord(geometry: { boot: Extent; bootType: number; root: Extent }, diskId: number): Buffer {
  const sector = Buffer.alloc(sectorBytes);
  sector.writeUInt32LE(diskId, 440);
  writePartition(sector, 446, geometry.boot, geometry.bootType, true);
  writePartition(sector, 462, geometry.root, linuxPartition, false);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

function writePartition(sector: Buffer, at: number, extent: Extent, type: number, active: boolean): void {
  // Cylinders, heads and sectors are of no use to anything alive: the values that say so.
  const noChs = 0xfffffe;
  sector.writeUInt8(active ? 0x80 : 0, at);
  sector.writeUIntLE(noChs, at + 1, 3);
  sector.writeUInt8(type, at + 4);
  sector.writeUIntLE(noChs, at + 5, 3);
  sector.writeUInt32LE(extent.offset / sectorBytes, at + 8);
  sector.writeUInt32LE(extent.bytes / sectorBytes, at + 12);
}
