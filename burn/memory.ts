import { MiB } from "../formats/units.ts";

/** Bytes per read or write; cards erase in units that divide this. */
export const pieceBytes = 4 * MiB;

/** Unbuffered transfers begin and end at multiples of this, on the disk and in memory. */
export const alignment = 4096;

const pageBytes = 65536;

declare const WebAssembly: { Memory: new (pages: { initial: number; maximum: number }) => { buffer: ArrayBuffer } };

let scratch: Buffer | undefined;

/** A minimal aligned buffer for bytes that are ignored. */
export function scratchBuffer(): Buffer {
  scratch ??= alignedBuffers(1, alignment)[0] as Buffer;
  return scratch;
}

/**
 * Page-aligned buffers, which the kernel requires for transfers that bypass its cache. In Node.js only WebAssembly's memory
 * has a known alignment.
 * @param bytes of each; a multiple of the alignment
 */
export function alignedBuffers(count: number, bytes = pieceBytes): Buffer[] {
  const pages = Math.ceil((count * bytes) / pageBytes);
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
  return Array.from({ length: count }, (_, index) => Buffer.from(buffer, index * bytes, bytes));
}
