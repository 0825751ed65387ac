import type { Checksum } from "../formats/bmap.ts";
import type { ImageFile } from "./image-file.ts";
import { pieceBytes } from "./memory.ts";

/** A contiguous part of a disk that has one checksum. */
export interface Extent {
  /** Bytes from the start of the disk; `end` is exclusive. */
  start: number;
  end: number;
  checksum?: Checksum | undefined;
}

/** Bytes per checksum in an image without a map; errors name the extent that differs. */
const extentBytes = 16 * pieceBytes;

/** The extents of an image to write, in order; endless if its size isn't known. */
export function* extentsOf({ map, bytes = Number.POSITIVE_INFINITY }: ImageFile): Generator<Extent> {
  if (map) {
    for (const { first, last, checksum } of map.ranges) {
      const [start, end] = [first * map.blockBytes, Math.min((last + 1) * map.blockBytes, map.imageBytes)];
      yield { start, end, checksum };
    }
    return;
  }
  for (let start = 0; start < bytes; start += extentBytes) yield { start, end: Math.min(start + extentBytes, bytes) };
}

/** The number of bytes to write; undefined if it isn't known. */
export function bytesToWrite(image: ImageFile): number | undefined {
  if (!image.map) return image.bytes;
  return [...extentsOf(image)].reduce((sum, { start, end }) => sum + end - start, 0);
}

/** The pieces in which an extent is written; none crosses a multiple of the size of a piece. */
export function* piecesOf({ start, end }: Extent): Generator<{ start: number; length: number }> {
  for (let at = start; at < end; ) {
    const next = Math.min(end, at - (at % pieceBytes) + pieceBytes);
    yield { start: at, length: next - at };
    at = next;
  }
}
