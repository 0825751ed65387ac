import { createHash } from "node:crypto";
import type { Checksum } from "../formats/bmap.ts";
import { UserError } from "../lib/errors.ts";
import type { ImageFile } from "./image-file.ts";
import type { ImageReader } from "./image-reader.ts";
import type { OpenTarget } from "./open-target.ts";
import { piecesOf, type Stretch, stretchesOf } from "./stretches.ts";

/** What is on a target after writing, but for the head. */
export interface Written {
  /** With the checksums of what was written. */
  stretches: WrittenStretch[];
  /** The disk's first bytes, with the partition table, in an aligned buffer: zeros are on the target in their place. */
  head: { buffer: Buffer; length: number };
  /** Size of the disk. */
  bytes: number;
}

export type WrittenStretch = Stretch & { checksum: Checksum };

export interface Transfer {
  signal: AbortSignal;
  /** Called with the bytes done so far. */
  report(done: number): void;
  buffers: Buffers;
}

/** Aligned, of a piece each. */
export interface Buffers {
  pair: readonly [Buffer, Buffer];
  head: Buffer;
}

/**
 * Writes an image, all but its head: there are zeros until everything else is known to be right, so that a card that
 * isn't whole has no partitions and starts no machine. While a piece is written the next one is read.
 * @throws UserError when the image is not what its map says, or doesn't fit
 */
export async function writeImage(
  image: ImageFile,
  reader: ImageReader,
  target: OpenTarget,
  { signal, report, buffers }: Transfer,
): Promise<Written> {
  const stretches: WrittenStretch[] = [];
  const head = { buffer: buffers.head, length: 0 };
  let writing: Promise<void> = Promise.resolve();
  let done = 0;
  for await (const { buffer, start, length } of readPieces(image, reader, buffers, stretches)) {
    await writing;
    signal.throwIfAborted();
    report(done);
    done += length;
    if (start === 0) {
      head.length = length;
      await target.write(buffers.pair[0].fill(0), length, 0);
    } else {
      writing = target.write(buffer, length, start);
      // It is awaited when the next piece has been read.
      writing.catch(() => {});
    }
  }
  await writing;
  report(done);
  return { stretches, head, bytes: image.bytes ?? stretches.at(-1)?.end ?? 0 };
}

interface FilledPiece {
  buffer: Buffer;
  start: number;
  length: number;
}

/** Reads the image into the two buffers in turn, checks it against its map, and notes what there was. */
async function* readPieces(
  image: ImageFile,
  reader: ImageReader,
  { pair, head }: Buffers,
  stretches: WrittenStretch[],
): AsyncGenerator<FilledPiece> {
  let turn = 0;
  for (const stretch of stretchesOf(image)) {
    const algorithm = stretch.checksum?.algorithm ?? "sha256";
    const hash = createHash(algorithm);
    let end = stretch.start;
    for (const { start, length } of piecesOf(stretch)) {
      const buffer = start === 0 ? head : (pair[turn++ % 2] as Buffer);
      const read = await reader.read(buffer.subarray(0, length), start);
      hash.update(buffer.subarray(0, read));
      end = start + read;
      if (read > 0) yield { buffer, start, length: read };
      if (read < length) break;
    }
    if (end < stretch.end && image.bytes !== undefined) throw await cutOff(image, reader);
    const checksum = { algorithm, hex: hash.digest("hex") };
    if (stretch.checksum && stretch.checksum.hex !== checksum.hex) throw changed(image);
    if (end > stretch.start) stretches.push({ start: stretch.start, end, checksum });
    if (end < stretch.end) return;
  }
}

/** A damaged archive says more about itself. */
async function cutOff({ path }: ImageFile, reader: ImageReader): Promise<UserError> {
  await reader.finish();
  return new UserError(`The image ${path} ends too early: it is cut off. Get it again.`);
}

function changed({ path }: ImageFile): UserError {
  return new UserError(
    `The image ${path} isn't what its block map says: it changed, or is damaged. Build it or get it again, and burn that.`,
  );
}
