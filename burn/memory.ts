import { MiB } from "../formats/units.ts";

/** As much as one step of reading or writing takes, bytes; cards erase in units of this size or of a part of it. */
export const pieceBytes = 4 * MiB;

/** All unbuffered transfers begin and end at a multiple of this, on the disk as in memory. */
export const alignment = 4096;

const pageBytes = 65536;

declare const WebAssembly: { Memory: new (pages: { initial: number; maximum: number }) => { buffer: ArrayBuffer } };

let scratch: Buffer | undefined;

/** An aligned buffer of the least size, for bytes that nobody looks at. */
export function scratchBuffer(): Buffer {
  scratch ??= alignedBuffers(1, alignment)[0] as Buffer;
  return scratch;
}

/**
 * Buffers that begin at a page, as the kernel wants it for transfers past its cache. WebAssembly's memory is the only
 * one in Node.js whose place is known. `bytes` is a multiple of the alignment.
 */
export function alignedBuffers(count: number, bytes = pieceBytes): Buffer[] {
  const pages = Math.ceil((count * bytes) / pageBytes);
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
  return Array.from({ length: count }, (_, index) => Buffer.from(buffer, index * bytes, bytes));
}
