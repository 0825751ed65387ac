import type { FileHandle } from "node:fs/promises";
import { usedInExt4 } from "../../../formats/ext4/used.ts";
import { readPartitions } from "../../../formats/mbr.ts";
import { type Extent, sectorBytes } from "../../../formats/units.ts";
import { readAt } from "../../../lib/files.ts";

/**
 * The parts of a disk image that must be written even if they are zeros: the blocks that its file systems use, and all
 * before the first partition. On a used card, an omitted block of zeros would keep its old content, which would be read
 * as entries of a folder, as used space, or as a journal to replay.
 */
export async function extentsInUse(handle: FileHandle, bytes: number): Promise<Extent[]> {
  const read = (offset: number, length: number) => readAt(handle, offset, length);
  const partitions = readPartitions(await read(0, sectorBytes));
  if (!partitions || partitions.length === 0) return [{ offset: 0, bytes }];
  const inside: Extent[][] = [];
  for (const partition of partitions) {
    const fileSystem = await read(partition.offset, 2048);
    const readInside = (offset: number, length: number) => read(partition.offset + offset, length);
    if (isExt4(fileSystem)) inside.push(shift(await usedInExt4(readInside, partition.bytes), partition.offset));
    else if (isFat(fileSystem)) inside.push(await usedInFat(fileSystem, partition, read));
    else inside.push([partition]);
  }
  const start = Math.min(...partitions.map(({ offset }) => offset));
  return [{ offset: 0, bytes: start }, ...inside.flat()];
}

const isExt4 = (start: Buffer): boolean => start.length === 2048 && start.readUInt16LE(1024 + 0x38) === 0xef53;

const shift = (extents: readonly Extent[], by: number): Extent[] =>
  extents.map(({ offset, bytes }) => ({ offset: offset + by, bytes }));

function isFat(start: Buffer): boolean {
  return (
    start.length === 2048 &&
    start.readUInt16LE(510) === 0xaa55 &&
    start.readUInt16LE(11) === sectorBytes &&
    start.readUInt8(16) > 0
  );
}

type Read = (offset: number, length: number) => Promise<Buffer>;

/** The tables, the root folder of FAT12 and FAT16, and each cluster of a file or folder. */
async function usedInFat(start: Buffer, partition: Extent, read: Read): Promise<Extent[]> {
  const sectorsPerTable = start.readUInt16LE(22) || start.readUInt32LE(36);
  const tablesAt = start.readUInt16LE(14) * sectorBytes;
  const tableBytes = sectorsPerTable * sectorBytes;
  const clustersAt = tablesAt + start.readUInt8(16) * tableBytes + start.readUInt16LE(17) * 32;
  const clusterBytes = start.readUInt8(13) * sectorBytes;
  const sectors = start.readUInt16LE(19) || start.readUInt32LE(32);
  const all = Math.floor((sectors * sectorBytes - clustersAt) / clusterBytes);
  // The number of clusters alone decides the width of the table's entries; FAT12 isn't worth reading.
  if (all < 4085) return [partition];
  const entry = all < 65525 ? 2 : 4;
  const table = await read(partition.offset + tablesAt, tableBytes);
  const clusters = Math.min(all, Math.floor(table.length / entry) - 2);
  const used: Extent[] = [{ offset: partition.offset, bytes: clustersAt }];
  for (let cluster = 0; cluster < clusters; cluster++) {
    const at = (cluster + 2) * entry;
    const next = entry === 2 ? table.readUInt16LE(at) : table.readUInt32LE(at) & 0x0fffffff;
    if (next !== 0) used.push({ offset: partition.offset + clustersAt + cluster * clusterBytes, bytes: clusterBytes });
  }
  return used;
}
