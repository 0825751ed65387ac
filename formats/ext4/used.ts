import type { Extent } from "../units.ts";
import { type Layout, type ReadAt, readLayout } from "./layout.ts";

const sparseSuper2 = 0x200;
const metaBg = 0x10;
const sparseSuper = 0x1;
const bigalloc = 0x200;

/**
 * All but the free blocks of an ext4 file system in a partition of so many bytes, ascending; all of it where it counts
 * its blocks in a way that isn't known here. dumpe2fs would tell the same, but Debian 13's takes no file system that
 * begins inside of a file.
 */
export async function usedInExt4(read: ReadAt, bytes: number): Promise<Extent[]> {
  const layout = await readLayout(read);
  const { compatible, incompatible, readOnlyCompatible } = layout.features;
  const isUnknown = compatible & sparseSuper2 || incompatible & metaBg || readOnlyCompatible & bigalloc;
  if (isUnknown) return [{ offset: 0, bytes }];
  return extentsOf(await usedBlocks(read, layout), layout.blockBytes, bytes);
}

/** One for each block that is in use. */
async function usedBlocks(read: ReadAt, layout: Layout): Promise<Uint8Array> {
  const { blocks, firstBlock, blocksPerGroup, blockBytes, groups } = layout;
  const used = new Uint8Array(blocks);
  used.fill(1, 0, firstBlock);
  const tableBlocks = Math.ceil((layout.inodesPerGroup * layout.inodeBytes) / blockBytes);
  const hasFewCopies = (layout.features.readOnlyCompatible & sparseSuper) !== 0;
  for (const [index, group] of groups.entries()) {
    const start = firstBlock + index * blocksPerGroup;
    if (!group.isUntouched) {
      const bitmap = await read(group.blockBitmap * blockBytes, blockBytes);
      const end = Math.min(start + blocksPerGroup, blocks);
      for (let block = start; block < end; block++) used[block] = bitOf(bitmap, block - start);
    } else if (!hasFewCopies || hasCopy(index)) used.fill(1, start, start + 1 + layout.descriptorBlocks);
  }
  // Those of a group that was never touched may stand in any other one.
  for (const { blockBitmap, inodeBitmap, inodeTable } of groups) {
    for (const block of [blockBitmap, inodeBitmap]) used[block] = 1;
    used.fill(1, inodeTable, inodeTable + tableBlocks);
  }
  return used;
}

const bitOf = (bitmap: Buffer, index: number): number => (bitmap.readUInt8(index >> 3) >> (index & 7)) & 1;

/** Whether a group has a copy of the superblock where only the first two and the powers of 3, 5 and 7 have one. */
const hasCopy = (group: number): boolean => group === 0 || [3, 5, 7].some((base) => isPower(group, base));

const isPower = (number: number, base: number): boolean =>
  number === 1 || (number % base === 0 && isPower(number / base, base));

/** The runs of used blocks, in bytes; what is behind the last block is taken for used. */
function extentsOf(used: Uint8Array, blockBytes: number, bytes: number): Extent[] {
  const found: Extent[] = [];
  for (let first = used.indexOf(1); first >= 0; ) {
    const free = used.indexOf(0, first);
    const end = free < 0 ? used.length : free;
    found.push({ offset: first * blockBytes, bytes: (end - first) * blockBytes });
    first = free < 0 ? -1 : used.indexOf(1, free);
  }
  const rest = bytes - used.length * blockBytes;
  return rest > 0 ? [...found, { offset: used.length * blockBytes, bytes: rest }] : found;
}
