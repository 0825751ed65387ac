import { createHash, webcrypto } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import type { BlockMap, BlockRange } from "../../../formats/bmap.ts";
import { type Extent, MiB } from "../../../formats/units.ts";
import { readFully } from "../../../lib/files.ts";
import { extentsInUse } from "./in-use.ts";

/** The result of reading a disk image once. */
export interface Survey {
  /** Of the whole image, hex. */
  sha256: string;
  bytes: number;
  map: BlockMap;
}

const blockBytes = 4096;
const chunkBytes = 4 * MiB;
/** Writing this many blocks costs a card less than skipping them. */
const smallestGap = 32;
const zeros = Buffer.alloc(blockBytes);

/** Reads a disk image once, for its checksum and its map of the blocks to write. */
export async function surveyDisk(file: string, signal: AbortSignal): Promise<Survey> {
  const handle = await open(file, "r");
  try {
    const { size: bytes } = await handle.stat();
    const inUse = touchedBlocks(await extentsInUse(handle, bytes), bytes);
    const whole = createHash("sha256");
    const ranges: BlockRange[] = [];
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (let position = 0; position < bytes; position += chunkBytes) {
      signal.throwIfAborted();
      const chunk = buffer.subarray(0, Math.min(chunkBytes, bytes - position));
      await fillChunk(handle, chunk, position);
      const first = position / blockBytes;
      const found = runs(chunk, (index) => inUse[first + index] === 1);
      // Other threads hash these while this one hashes the whole image.
      const hashing = Promise.all(found.map((run) => hashRange(chunk, first, run)));
      whole.update(chunk);
      ranges.push(...(await hashing));
    }
    return { sha256: whole.digest("hex"), bytes, map: { imageBytes: bytes, blockBytes, ranges } };
  } finally {
    await handle.close();
  }
}

/** 1 for each block that the extents touch. */
function touchedBlocks(extents: readonly Extent[], bytes: number): Uint8Array {
  const blocks = new Uint8Array(Math.ceil(bytes / blockBytes));
  for (const extent of extents) {
    blocks.fill(1, Math.floor(extent.offset / blockBytes), Math.ceil((extent.offset + extent.bytes) / blockBytes));
  }
  return blocks;
}

async function fillChunk(handle: FileHandle, chunk: Buffer, position: number): Promise<void> {
  const read = await readFully(handle, chunk, position);
  if (read < chunk.length) throw new Error("the disk image became shorter while it was read");
}

/** Indexes of blocks in a chunk; `to` is exclusive. */
type Run = [from: number, to: number];

/** The runs of blocks that are in use or not zero, including small gaps. */
function runs(chunk: Buffer, isInUse: (index: number) => boolean): Run[] {
  const found: Run[] = [];
  for (let index = 0; index * blockBytes < chunk.length; index++) {
    if (!isInUse(index) && isZero(chunk.subarray(index * blockBytes, (index + 1) * blockBytes))) continue;
    const last = found.at(-1);
    if (last && index - last[1] <= smallestGap) last[1] = index + 1;
    else found.push([index, index + 1]);
  }
  return found;
}

const isZero = (block: Buffer): boolean => block.equals(zeros.subarray(0, block.length));

/** The range of a run, with its checksum. @param first the number of the chunk's first block */
async function hashRange(chunk: Buffer, first: number, [from, to]: Run): Promise<BlockRange> {
  const sum = await webcrypto.subtle.digest("SHA-256", chunk.subarray(from * blockBytes, to * blockBytes));
  const checksum = { algorithm: "sha256", hex: Buffer.from(sum).toString("hex") } as const;
  return { first: first + from, last: first + to - 1, checksum };
}
