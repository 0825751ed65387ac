import { UserError } from "../../lib/errors.ts";

/** Gives that many bytes at an offset from the start of the file system. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

/** Where an ext4 file system has what, as its superblock and the descriptors of its groups of blocks tell. */
export interface Layout {
  features: { compatible: number; incompatible: number; readOnlyCompatible: number };
  blockBytes: number;
  blocks: number;
  freeBlocks: number;
  /** The number of the first block of the first group. */
  firstBlock: number;
  blocksPerGroup: number;
  inodeBytes: number;
  inodesPerGroup: number;
  /** How many blocks stand behind each copy of the superblock: the descriptors, and the room for more of them. */
  descriptorBlocks: number;
  groups: Group[];
}

/** Numbers of blocks. */
interface Group {
  blockBitmap: number;
  inodeBitmap: number;
  inodeTable: number;
  /** Nothing of it was ever given to a file, and its block bitmap was never written. */
  isUntouched: boolean;
}

const superblockOffset = 1024;
const has64BitNumbers = 0x80;
const blockBitmapUnwritten = 0x2;

/** @throws UserError when it is no ext4 */
export async function readSuperblock(read: ReadAt): Promise<Buffer> {
  const block = await read(superblockOffset, 1024);
  if (block.readUInt16LE(0x38) !== 0xef53) throw new UserError("The root partition of the image holds no ext4.");
  return block;
}

/** @throws UserError when it is no ext4 */
export async function readLayout(read: ReadAt): Promise<Layout> {
  const block = await readSuperblock(read);
  const incompatible = block.readUInt32LE(0x60);
  const isWide = (incompatible & has64BitNumbers) !== 0;
  const blockBytes = 1024 << block.readUInt32LE(0x18);
  const count = (low: number, high: number) =>
    block.readUInt32LE(low) + (isWide ? block.readUInt32LE(high) * 2 ** 32 : 0);
  const blocks = count(4, 0x150);
  const firstBlock = block.readUInt32LE(0x14);
  const blocksPerGroup = block.readUInt32LE(0x20);
  const groups = Math.ceil((blocks - firstBlock) / blocksPerGroup);
  const descriptorBytes = isWide ? block.readUInt16LE(0xfe) : 32;
  const descriptors = await read((firstBlock + 1) * blockBytes, groups * descriptorBytes);
  return {
    features: {
      compatible: block.readUInt32LE(0x5c),
      incompatible,
      readOnlyCompatible: block.readUInt32LE(0x64),
    },
    blockBytes,
    blocks,
    freeBlocks: count(0xc, 0x158),
    firstBlock,
    blocksPerGroup,
    inodeBytes: block.readUInt16LE(0x58),
    inodesPerGroup: block.readUInt32LE(0x28),
    descriptorBlocks: Math.ceil((groups * descriptorBytes) / blockBytes) + block.readUInt16LE(0xce),
    groups: Array.from({ length: groups }, (_, group) => {
      const descriptor = descriptors.subarray(group * descriptorBytes);
      const number = (low: number, high: number) =>
        descriptor.readUInt32LE(low) + (isWide ? descriptor.readUInt32LE(high) * 2 ** 32 : 0);
      return {
        blockBitmap: number(0, 0x20),
        inodeBitmap: number(4, 0x24),
        inodeTable: number(8, 0x28),
        isUntouched: (descriptor.readUInt16LE(0x12) & blockBitmapUnwritten) !== 0,
      };
    }),
  };
}
