import { createHash, type Hash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import path from "node:path";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { z } from "zod";
import { MiB } from "../../../formats/units.ts";
import { UserError } from "../../../lib/errors.ts";
import { exists } from "../../../lib/files.ts";
import type { Context } from "../../../lib/program.ts";
import type { Progress } from "../../../lib/progress.ts";
import { updateFileOf } from "../../image-names.ts";
import { checkSpace } from "../install/free-space.ts";
import type { Contents } from "../layers/contents.ts";
import { allocatedBytes } from "../layers/sparse-files.ts";
import type { BuiltImage } from "../manifest/contract.ts";
import { layers } from "../manifest/manifest.ts";

/** Comes as one line of JSON before the image itself. */
export interface Header {
  contents: Contents;
  /** The text of the image's block map. */
  blockMap: string;
  reused: BuiltImage["reused"];
  /** What the image takes on a disk that leaves out its holes. */
  diskBytes: number;
  /** The size of its update; 0 if it has none. */
  bundleBytes: number;
}

/** As far as it is looked at on this side; the program that sends it is a copy of this one. */
const headerSchema = z.object({
  contents: z.looseObject({ sha256: z.string(), bytes: z.number().int().nonnegative() }),
  blockMap: z.string(),
  reused: z.array(z.enum(layers)),
  diskBytes: z.number().nonnegative(),
  bundleBytes: z.number().int().nonnegative(),
});

/** The header in a line; undefined where there is none in it. */
export function parseHeader(line: string): Header | undefined {
  try {
    return headerSchema.parse(JSON.parse(line)) as unknown as Header;
  } catch {
    return undefined;
  }
}

/** Several times the length of the longest line, the header of an image with many packages. */
const mostLineBytes = 64 * MiB;

/** Marks lines for the other end, because a login may print others. */
export const mark = "piinit-builder ";

/** Writes the header's line, the update as it is, and the image with a compression as fast as most networks. */
export async function sendImage(
  { path: image, reused }: BuiltImage,
  contents: Contents,
  blockMap: string,
  output: Writable,
  { progress, signal }: Context,
): Promise<void> {
  const diskBytes = await allocatedBytes(image);
  const bundle = updateFileOf(image);
  const bundleBytes = (await exists(bundle)) ? (await stat(bundle)).size : 0;
  progress.step(`image: sending ${Math.ceil(diskBytes / MiB)} MiB, compressed`);
  const header: Header = { contents, blockMap, reused, diskBytes, bundleBytes };
  output.write(`${mark}${JSON.stringify(header)}\n`);
  if (bundleBytes > 0) await pipeline(createReadStream(bundle, { highWaterMark: MiB }), output, { signal, end: false });
  await pipeline(createReadStream(image, { highWaterMark: MiB }), createGzip({ level: 1, chunkSize: MiB }), output, {
    signal,
    end: false,
  });
}

/** Data from the other end: first lines, then bytes. */
export interface Incoming {
  /** The next line for us, without its mark; undefined at the end. */
  line(): Promise<string | undefined>;
  /** As many of the bytes that follow, or fewer at the end. */
  bytes(count: number): AsyncGenerator<Buffer>;
  /** All that follows. */
  rest(): AsyncGenerator<Buffer>;
}

export function readIncoming(stream: AsyncIterable<Buffer>): Incoming {
  const chunks = stream[Symbol.asyncIterator]();
  let buffered: Buffer = Buffer.alloc(0);
  const nextLine = async (): Promise<string | undefined> => {
    for (;;) {
      const end = buffered.indexOf("\n");
      if (end >= 0) {
        const line = buffered.toString("utf8", 0, end);
        buffered = buffered.subarray(end + 1);
        return line;
      }
      const { value, done } = await chunks.next();
      if (done) return undefined;
      buffered = Buffer.concat([buffered, value]);
      if (buffered.length > mostLineBytes)
        throw new UserError("The other end sends something other than lines of text.");
    }
  };
  return {
    async line() {
      for (;;) {
        const line = await nextLine();
        if (line === undefined) return undefined;
        if (line.startsWith(mark)) return line.slice(mark.length);
      }
    },
    async *bytes(count) {
      for (let left = count; left > 0; ) {
        if (buffered.length === 0) {
          const { value, done } = await chunks.next();
          if (done) return;
          buffered = value;
        }
        const part = buffered.subarray(0, left);
        buffered = buffered.subarray(part.length);
        left -= part.length;
        yield part;
      }
    },
    async *rest() {
      yield buffered;
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
    },
  };
}

/**
 * Writes the incoming image into a new sparse file. Returns false if its end is missing.
 * @throws UserError if it doesn't match its header, or the disk is full
 */
export async function receiveImage(
  { contents: { bytes, sha256 }, diskBytes }: Header,
  incoming: AsyncIterable<Buffer>,
  file: string,
  progress: Progress,
): Promise<boolean> {
  const folder = path.dirname(file);
  await checkSpace(folder, diskBytes, "the image");
  const hash = createHash("sha256");
  const handle = await open(file, "wx", 0o600);
  try {
    const received = await pipeline(incoming, createGunzip({ chunkSize: MiB }), (source: AsyncIterable<Buffer>) =>
      writeSparse(source, handle, hash, fetchReporter(bytes, progress)),
    );
    const sum = hash.digest("hex");
    if (received === bytes && sum === sha256) return true;
    throw new UserError(
      `The image was damaged in transit: ${received} bytes with the SHA-256 ${sum} arrived, but ${bytes} bytes with ${sha256} were built. Run this again.`,
    );
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // The end of the compressed data is missing.
    if (code === "Z_BUF_ERROR") return false;
    if (code?.startsWith("Z_")) throw new UserError(`The image was damaged in transit (${message}). Run this again.`);
    if (code === "ENOSPC")
      throw new UserError(`The disk of ${folder} is full. Free some space there and run this again.`);
    throw error;
  } finally {
    await handle.close();
  }
}

/** Writes the incoming update into a new file. Returns false if its end is missing. A machine checks what is in it. */
export async function receiveBundle(
  { bundleBytes }: Header,
  incoming: AsyncIterable<Buffer>,
  file: string,
  progress: Progress,
): Promise<boolean> {
  await checkSpace(path.dirname(file), bundleBytes, "the image's update");
  progress.step(`image: fetching ${Math.ceil(bundleBytes / MiB)} MiB of its update`);
  await pipeline(incoming, createWriteStream(file, { flags: "wx", mode: 0o600 }));
  return (await stat(file)).size === bundleBytes;
}

/** A multiple of the unit of holes on every file system in use. */
const blockBytes = 4096;
const emptyBlock = Buffer.alloc(blockBytes);

/** Writes the source to an empty file, skipping blocks of zeros; returns the number of bytes. */
async function writeSparse(
  source: AsyncIterable<Buffer>,
  handle: FileHandle,
  hash: Hash,
  report: (bytes: number) => void,
): Promise<number> {
  let position = 0;
  for await (const chunk of source) {
    hash.update(chunk);
    for (const [start, end] of filledRanges(chunk, position)) {
      await handle.write(chunk, start, end - start, position + start);
    }
    position += chunk.length;
    report(position);
  }
  await handle.truncate(position);
  return position;
}

/** The parts of a chunk that aren't complete blocks of zeros. @param position of the chunk in the file */
function filledRanges(chunk: Buffer, position: number): [start: number, end: number][] {
  const ranges: [number, number][] = [];
  for (let start = 0; start < chunk.length; ) {
    const end = Math.min(chunk.length, start + blockBytes - ((position + start) % blockBytes));
    const last = ranges.at(-1);
    const isEmpty = chunk.subarray(start, end).equals(emptyBlock.subarray(0, end - start));
    if (!isEmpty && last?.[1] === start) last[1] = end;
    else if (!isEmpty) ranges.push([start, end]);
    start = end;
  }
  return ranges;
}

const reportMs = 5_000;

function fetchReporter(total: number, progress: Progress): (bytes: number) => void {
  let reported = performance.now();
  return (bytes) => {
    if (performance.now() - reported < reportMs) return;
    reported = performance.now();
    progress.step(`image: ${Math.round(bytes / MiB)} of ${Math.round(total / MiB)} MiB fetched`);
  };
}
