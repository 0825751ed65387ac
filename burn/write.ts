import { createHash } from "node:crypto";
import type { Checksum } from "../formats/bmap.ts";
import { UserError } from "../lib/errors.ts";
import { type Extent, extentsOf, piecesOf } from "./extents.ts";
import type { ImageFile } from "./image-file.ts";
import type { ImageReader } from "./image-reader.ts";
import type { OpenTarget } from "./open-target.ts";

/** What writeImage has written; the head is still missing. */
export interface Written {
  /** With the checksums of what was written. */
  extents: WrittenExtent[];
  /** The disk's first bytes with the partition table, in an aligned buffer; the target has zeros there. */
  head: { buffer: Buffer; length: number };
  /** Size of the disk. */
  bytes: number;
}

export type WrittenExtent = Extent & { checksum: Checksum };

export interface Transfer {
  signal: AbortSignal;
  /** Called with the bytes done so far. */
  report(done: number): void;
  buffers: Buffers;
}

/** Aligned buffers, each the size of a piece. */
export interface Buffers {
  pair: readonly [Buffer, Buffer];
  head: Buffer;
}

/**
 * Writes an image except its head, which is zeros until everything else is verified, so that an incomplete card has no
 * partitions and doesn't boot. The next piece is read while one is written.
 * @throws UserError if the image doesn't match its map or doesn't fit
 */
export async function writeImage(
  image: ImageFile,
  reader: ImageReader,
  target: OpenTarget,
  { signal, report, buffers }: Transfer,
): Promise<Written> {
  const extents: WrittenExtent[] = [];
  const head = { buffer: buffers.head, length: 0 };
  let writing: Promise<void> = Promise.resolve();
  let done = 0;
  for await (const { buffer, start, length } of readPieces(image, reader, buffers, extents)) {
    await writing;
    signal.throwIfAborted();
    report(done);
    done += length;
    if (start === 0) {
      head.length = length;
      await target.write(buffers.pair[0].fill(0), length, 0);
    } else {
      writing = target.write(buffer, length, start);
      // Awaited once the next piece is read.
      writing.catch(() => {});
    }
  }
  await writing;
  report(done);
  return { extents, head, bytes: image.bytes ?? extents.at(-1)?.end ?? 0 };
}

interface FilledPiece {
  buffer: Buffer;
  start: number;
  length: number;
}

/** Reads the image into the two buffers in turn, checks it against its map, and records what it has read in `extents`. */
async function* readPieces(
  image: ImageFile,
  reader: ImageReader,
  { pair, head }: Buffers,
  extents: WrittenExtent[],
): AsyncGenerator<FilledPiece> {
  let turn = 0;
  for (const extent of extentsOf(image)) {
    const algorithm = extent.checksum?.algorithm ?? "sha256";
    const hash = createHash(algorithm);
    let end = extent.start;
    for (const { start, length } of piecesOf(extent)) {
      const buffer = start === 0 ? head : (pair[turn++ % 2] as Buffer);
      const read = await reader.read(buffer.subarray(0, length), start);
      hash.update(buffer.subarray(0, read));
      end = start + read;
      if (read > 0) yield { buffer, start, length: read };
      if (read < length) break;
    }
    if (end < extent.end && image.bytes !== undefined) throw await cutOff(image, reader);
    const checksum = { algorithm, hex: hash.digest("hex") };
    if (extent.checksum && extent.checksum.hex !== checksum.hex) throw changed(image);
    if (end > extent.start) extents.push({ start: extent.start, end, checksum });
    if (end < extent.end) return;
  }
}

/** If it is a damaged archive, its decompressor has a better message. */
async function cutOff({ path }: ImageFile, reader: ImageReader): Promise<UserError> {
  await reader.finish();
  return new UserError(`The image ${path} is truncated. Download or build it again.`);
}

function changed({ path }: ImageFile): UserError {
  return new UserError(
    `The image ${path} doesn't match its block map: it was changed or is damaged. Build or download it again.`,
  );
}
