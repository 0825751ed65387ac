import { createHash, type Hash } from "node:crypto";
import { open } from "node:fs/promises";
import type { BlockMap, BlockRange } from "../../../formats/bmap.ts";
import { type Extent, MiB } from "../../../formats/units.ts";
import { readFully } from "../../../lib/files.ts";
import { extentsInUse } from "./in-use.ts";

/** What one reading of a disk image tells. */
export interface Survey {
  /** Of the whole image, hex. */
  sha256: string;
  bytes: number;
  map: BlockMap;
}

const blockBytes = 4096;
const chunkBytes = 4 * MiB;
/** Writing so many blocks costs a card less than beginning anew behind them. */
const smallestGap = 32;
const zeros = Buffer.alloc(smallestGap * blockBytes);

/** Reads a disk image once, for its checksum and for the map of the blocks that a card needs. */
export async function surveyDisk(file: string, signal: AbortSignal): Promise<Survey> {
  const handle = await open(file, "r");
  try {
    const { size: bytes } = await handle.stat();
    const inUse = blocksOf(await extentsInUse(handle, bytes), bytes);
    const whole = createHash("sha256");
    const ranges = new RangeRecorder();
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (let position = 0; position < bytes; position += chunkBytes) {
      signal.throwIfAborted();
      const chunk = buffer.subarray(0, Math.min(chunkBytes, bytes - position));
      const read = await readFully(handle, chunk, position);
      if (read < chunk.length) throw new Error("the disk image became shorter while it was read");
      whole.update(chunk);
      const first = position / blockBytes;
      for (const [from, to] of runs(chunk, (index) => inUse[first + index] === 1)) {
        ranges.add(first + from, first + to - 1, chunk.subarray(from * blockBytes, to * blockBytes));
      }
    }
    return { sha256: whole.digest("hex"), bytes, map: { imageBytes: bytes, blockBytes, ranges: ranges.end() } };
  } finally {
    await handle.close();
  }
}

/** One for each block that the extents touch. */
function blocksOf(extents: readonly Extent[], bytes: number): Uint8Array {
  const blocks = new Uint8Array(Math.ceil(bytes / blockBytes));
  for (const extent of extents) {
    blocks.fill(1, Math.floor(extent.offset / blockBytes), Math.ceil((extent.offset + extent.bytes) / blockBytes));
  }
  return blocks;
}

/** The runs of blocks in a chunk that are in use or hold anything but zeros: first block and the one behind the last. */
function runs(chunk: Buffer, isInUse: (index: number) => boolean): [from: number, to: number][] {
  const found: [number, number][] = [];
  for (let index = 0; index * blockBytes < chunk.length; index++) {
    if (!isInUse(index) && isZero(chunk.subarray(index * blockBytes, (index + 1) * blockBytes))) continue;
    const last = found.at(-1);
    if (last?.[1] === index) last[1] = index + 1;
    else found.push([index, index + 1]);
  }
  return found;
}

const isZero = (block: Buffer): boolean => block.equals(zeros.subarray(0, block.length));

/** Puts runs of blocks together to ranges with their checksums; what is between two runs is zeros. */
class RangeRecorder {
  readonly #ranges: BlockRange[] = [];
  #open: { first: number; last: number; hash: Hash } | undefined;

  add(first: number, last: number, data: Buffer): void {
    const gap = this.#open ? first - this.#open.last - 1 : Number.POSITIVE_INFINITY;
    if (gap > smallestGap) this.end();
    this.#open ??= { first, last, hash: createHash("sha256") };
    if (gap <= smallestGap) this.#open.hash.update(zeros.subarray(0, gap * blockBytes));
    this.#open.hash.update(data);
    this.#open.last = last;
  }

  end(): BlockRange[] {
    if (this.#open) {
      const { first, last, hash } = this.#open;
      this.#ranges.push({ first, last, checksum: { algorithm: "sha256", hex: hash.digest("hex") } });
      this.#open = undefined;
    }
    return this.#ranges;
  }
}
