import type { Checksum } from "../formats/bmap.ts";
import type { ImageFile } from "./image-file.ts";
import { pieceBytes } from "./memory.ts";

/** A part of a disk that is written and verified as one. */
export interface Stretch {
  /** Bytes from the start of the disk; the end is the first one behind it. */
  start: number;
  end: number;
  checksum?: Checksum | undefined;
}

/** How much of an image without a map has one checksum, so that a fault is told with its place. */
const stretchBytes = 16 * pieceBytes;

/** What has to be written of an image, in its order. Where its size isn't known it goes on for ever. */
export function* stretchesOf({ map, bytes = Number.POSITIVE_INFINITY }: ImageFile): Generator<Stretch> {
  if (map) {
    for (const { first, last, checksum } of map.ranges) {
      const [start, end] = [first * map.blockBytes, Math.min((last + 1) * map.blockBytes, map.imageBytes)];
      yield { start, end, checksum };
    }
    return;
  }
  for (let start = 0; start < bytes; start += stretchBytes) yield { start, end: Math.min(start + stretchBytes, bytes) };
}

/** How many bytes will be written; undefined where that isn't known. */
export function bytesToWrite(image: ImageFile): number | undefined {
  if (!image.map) return image.bytes;
  return [...stretchesOf(image)].reduce((sum, { start, end }) => sum + end - start, 0);
}

/** The steps in which a stretch is written: none crosses a multiple of a piece's size. */
export function* piecesOf({ start, end }: Stretch): Generator<{ start: number; length: number }> {
  for (let at = start; at < end; ) {
    const next = Math.min(end, at - (at % pieceBytes) + pieceBytes);
    yield { start: at, length: next - at };
    at = next;
  }
}
