/** Extended attributes of ext4 by their full names; values have one character per byte. */

/** By the number that stands for them on the disk. Others (access lists, trusted ones) can't be set in a namespace. */
const prefixes: Readonly<Record<number, string>> = { 1: "user.", 6: "security." };
const magic = 0xea020000;
const inodeBase = 128;

/** Those within an inode that is larger than the first 128 bytes. */
export function attributesOfInode(inode: Buffer): Map<string, string> {
  if (inode.length <= inodeBase) return new Map();
  const start = inodeBase + inode.readUInt16LE(inodeBase);
  if (start + 4 > inode.length || inode.readUInt32LE(start) !== magic) return new Map();
  return parseAttributes(inode.subarray(start + 4), 0);
}

/** Those in a block of their own. */
export function attributesOfBlock(block: Buffer): Map<string, string> {
  return block.readUInt32LE(0) === magic ? parseAttributes(block, 32) : new Map();
}

/** Reads the list that begins at `start`; the values' offsets are from the start of `area`. */
function parseAttributes(area: Buffer, start: number): Map<string, string> {
  const found = new Map<string, string>();
  for (let at = start; at + 16 <= area.length && area.readUInt32LE(at) !== 0; ) {
    const nameBytes = area.readUInt8(at);
    const prefix = prefixes[area.readUInt8(at + 1)];
    const name = area.toString("latin1", at + 16, at + 16 + nameBytes);
    const value = area.readUInt16LE(at + 2);
    if (prefix) found.set(`${prefix}${name}`, area.toString("latin1", value, value + area.readUInt32LE(at + 8)));
    at += 16 + Math.ceil(nameBytes / 4) * 4;
  }
  return found;
}
