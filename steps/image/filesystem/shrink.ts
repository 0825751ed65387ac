import { open, stat } from "node:fs/promises";
import { readLayout } from "../../../formats/ext4/layout.ts";
import { MiB } from "../../../formats/units.ts";
import { readAt } from "../../../lib/files.ts";
import { runOnHost } from "../../../lib/host.ts";
import { imageTime } from "../manifest/image-time.ts";

/** Left for the files that come last, and for what a machine writes before it has made the file system larger. */
export const spareMiB = 32;

/**
 * Makes an ext4 file system, and the file that it is in, as small as its files allow, in whole MiB. resize2fs's own guess
 * of the least size is half as large again.
 */
export async function shrink(file: string, signal: AbortSignal): Promise<void> {
  // The second time the tables of what was cut off aren't counted any more.
  for (let times = 0; times < 2; times++) {
    const size = Math.ceil((await bytesInUse(file)) / MiB) + spareMiB;
    if (size * MiB >= (await stat(file)).size) return;
    const env = { E2FSPROGS_FAKE_TIME: String(imageTime) };
    await runOnHost("resize2fs", ["-f", file, `${size}M`], { env, signal });
  }
}

/** What is in use of the file system, its own tables included. */
async function bytesInUse(file: string): Promise<number> {
  const handle = await open(file, "r");
  try {
    const { blocks, freeBlocks, blockBytes } = await readLayout((offset, length) => readAt(handle, offset, length));
    return (blocks - freeBlocks) * blockBytes;
  } finally {
    await handle.close();
  }
}
