import { rename, stat } from "node:fs/promises";
import path from "node:path";
import { exists, inUnfinishedFolder } from "../../lib/files.ts";
import { requirePrograms, runOnHost } from "../../lib/host.ts";
import type { Progress } from "../../lib/progress.ts";
import { imagePackages } from "../../toolchain/packages.ts";

/** The path of an image's compressed copy. */
const compressedFileOf = (image: string): string => `${image}.zst`;

export interface Compressed {
  /** Absolute path, mode 0600. */
  path: string;
  bytes: number;
}

/** Makes a copy of an image compressed with zstd, unless it exists; it is removed with the image. */
export async function compress(image: string, progress: Progress, signal?: AbortSignal): Promise<Compressed> {
  const file = compressedFileOf(image);
  // An image's name has the digest of its content, so an existing copy is the right one.
  if (!(await exists(file))) {
    await requirePrograms("Compressing an image", ["zstd"], imagePackages);
    progress.step("compressing the image");
    await inUnfinishedFolder(path.dirname(image), async (folder) => {
      const unfinished = path.join(folder, path.basename(file));
      await runOnHost("zstd", ["--quiet", "-T0", "-10", image, "-o", unfinished], signal && { signal });
      await rename(unfinished, file);
    });
  }
  return { path: file, bytes: (await stat(file)).size };
}
