import { createHash, type Hash } from "node:crypto";
import { UserError } from "../lib/errors.ts";
import type { OpenTarget } from "./open-target.ts";
import { piecesOf } from "./stretches.ts";
import type { Transfer, Written, WrittenStretch } from "./write.ts";

/**
 * Reads back what was written and compares checksums; the head, which isn't there yet, counts as it will be. While a
 * piece is hashed the next one is read.
 * @throws UserError with the place of the first difference
 */
export async function verifyTarget(
  path: string,
  target: OpenTarget,
  { stretches, head }: Written,
  { signal, report, buffers }: Transfer,
): Promise<void> {
  const pieces = stretches.flatMap((stretch) => [...piecesOf(stretch)].map((piece) => ({ ...piece, stretch })));
  const read = async (index: number): Promise<Buffer> => {
    const { start, length } = pieces[index] ?? { start: 0, length: 0 };
    if (start < head.length) return head.buffer.subarray(0, length);
    const buffer = buffers.pair[index % 2] as Buffer;
    await target.read(buffer, length, start);
    return buffer.subarray(0, length);
  };
  let reading = read(0);
  let hash: Hash | undefined;
  let done = 0;
  for (const [index, { start, length, stretch }] of pieces.entries()) {
    signal.throwIfAborted();
    report(done);
    const data = await reading;
    reading = read(index + 1);
    // It is awaited when this piece has been hashed.
    reading.catch(() => {});
    hash ??= createHash(stretch.checksum.algorithm);
    hash.update(data);
    done += length;
    if (start + length < stretch.end) continue;
    if (hash.digest("hex") !== stretch.checksum.hex) throw differs(path, stretch);
    hash = undefined;
  }
  report(done);
}

/** Puts the head in its place, the last thing that a card lacks, and reads it back too. */
export async function writeHead(path: string, target: OpenTarget, { head }: Written, buffer: Buffer): Promise<void> {
  if (head.length === 0) return;
  await target.write(head.buffer, head.length, 0);
  await target.sync();
  await target.forget();
  await target.read(buffer, head.length, 0);
  const [there, wanted] = [buffer, head.buffer].map((bytes) => bytes.subarray(0, head.length));
  if (!wanted?.equals(there as Buffer)) throw differs(path, { start: 0, end: head.length });
}

function differs(path: string, { start, end }: Pick<WrittenStretch, "start" | "end">): UserError {
  const [from, to] = [start, end].map((bytes) => (bytes / 1e6).toFixed(1));
  return new UserError(
    `${path} does not hold what was written to it, somewhere between ${from} and ${to} MB: it is broken or a fake. Use another one.`,
  );
}
