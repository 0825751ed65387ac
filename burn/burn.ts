import type { ImageFile } from "./image-file.ts";
import { openImage } from "./image-reader.ts";
import { alignedBuffers } from "./memory.ts";
import { openTarget } from "./open-target.ts";
import { type Target, writePathOf } from "./target.ts";
import { verifyTarget, writeHead } from "./verify.ts";
import { writeImage } from "./write.ts";

export type Phase = "writing" | "verifying";

export interface BurnContext {
  signal: AbortSignal;
  /** Called with the bytes of a phase that are done, first with 0 before its work begins. */
  report(phase: Phase, done: number): void;
}

/**
 * Writes an image to a drive or a file and verifies it. The target's first bytes stay zero until the end, so an
 * incomplete target has no partitions. Returns the size of the disk in bytes.
 * @throws Refused if nothing was written, UserError if writing or verifying failed, or the signal's reason
 */
export async function burn(image: ImageFile, to: Target, { signal, report }: BurnContext): Promise<number> {
  const [one, two, head] = alignedBuffers(3) as [Buffer, Buffer, Buffer];
  const transfer = (phase: Phase) => ({
    signal,
    buffers: { pair: [one, two], head } as const,
    report: (done: number) => report(phase, done),
  });
  const path = writePathOf(to);
  const reader = await openImage(image);
  try {
    const target = await openTarget(to);
    try {
      const written = await writeImage(image, reader, target, transfer("writing"));
      await reader.finish();
      await target.sync();
      await target.dropCache();
      await verifyTarget(path, target, written, transfer("verifying"));
      await writeHead(path, target, written, one);
      await target.setSize(written.bytes);
      await target.sync();
      await target.close();
      return written.bytes;
    } catch (error) {
      await target.discard();
      // An interruption makes other operations fail.
      throw signal.aborted ? signal.reason : error;
    }
  } finally {
    await reader.close();
  }
}
