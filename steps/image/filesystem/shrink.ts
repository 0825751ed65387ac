import { open, stat } from "node:fs/promises";
import { readLayout } from "../../../formats/ext4/layout.ts";
import { MiB } from "../../../formats/units.ts";
import { readAt } from "../../../lib/files.ts";
import { runOnHost } from "../../../lib/host.ts";
import { imageTime } from "../manifest/image-time.ts";

/** Space for the files that are written last, and for what a machine writes before it grows the file system. */
export const spareMiB = 32;

/**
 * Shrinks an ext4 file system and its image file to the size that its files need, in MiB. resize2fs's own estimate of the
 * minimum is half as large again.
 */
export async function shrink(file: string, signal: AbortSignal): Promise<void> {
  // The second time, the tables of the removed part no longer count.
  for (let times = 0; times < 2; times++) {
    const size = Math.ceil((await bytesInUse(file)) / MiB) + spareMiB;
    if (size * MiB >= (await stat(file)).size) return;
    const env = { E2FSPROGS_FAKE_TIME: String(imageTime) };
    await runOnHost("resize2fs", ["-f", file, `${size}M`], { env, signal });
  }
}

/** The used bytes of the file system, including its tables. */
async function bytesInUse(file: string): Promise<number> {
  const handle = await open(file, "r");
  try {
    const { blocks, freeBlocks, blockBytes } = await readLayout((offset, length) => readAt(handle, offset, length));
    return (blocks - freeBlocks) * blockBytes;
  } finally {
    await handle.close();
  }
}
