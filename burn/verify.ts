import { createHash, type Hash } from "node:crypto";
import { UserError } from "../lib/errors.ts";
import { piecesOf } from "./extents.ts";
import type { OpenTarget } from "./open-target.ts";
import type { Transfer, Written, WrittenExtent } from "./write.ts";

/**
 * Reads back what was written and compares checksums. The head isn't written yet and comes from memory. The next piece
 * is read while one is hashed.
 * @throws UserError naming where the first difference is
 */
export async function verifyTarget(
  path: string,
  target: OpenTarget,
  { extents, head }: Written,
  { signal, report, buffers }: Transfer,
): Promise<void> {
  const pieces = extents.flatMap((extent) => [...piecesOf(extent)].map((piece) => ({ ...piece, extent })));
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
  for (const [index, { start, length, extent }] of pieces.entries()) {
    signal.throwIfAborted();
    report(done);
    const data = await reading;
    reading = read(index + 1);
    // Awaited once this piece is hashed.
    reading.catch(() => {});
    hash ??= createHash(extent.checksum.algorithm);
    hash.update(data);
    done += length;
    if (start + length < extent.end) continue;
    if (hash.digest("hex") !== extent.checksum.hex) throw differs(path, extent);
    hash = undefined;
  }
  report(done);
}

/** Writes the head, which completes a card, and verifies it. */
export async function writeHead(path: string, target: OpenTarget, { head }: Written, buffer: Buffer): Promise<void> {
  if (head.length === 0) return;
  await target.write(head.buffer, head.length, 0);
  await target.sync();
  await target.dropCache();
  await target.read(buffer, head.length, 0);
  const [actual, expected] = [buffer, head.buffer].map((bytes) => bytes.subarray(0, head.length));
  if (!expected?.equals(actual as Buffer)) throw differs(path, { start: 0, end: head.length });
}

function differs(path: string, { start, end }: Pick<WrittenExtent, "start" | "end">): UserError {
  const [from, to] = [start, end].map((bytes) => (bytes / 1e6).toFixed(1));
  return new UserError(
    `${path} did not store what was written to it, somewhere between ${from} and ${to} MB: it is broken or counterfeit. Use another one.`,
  );
}
