import { rename } from "node:fs/promises";
import path from "node:path";
import { compressionOf } from "../../../formats/compression.ts";
import { cachedFolder } from "../../../lib/cached-folder.ts";
import { downloadFile, Unreachable } from "../../../lib/download.ts";
import { UserError } from "../../../lib/errors.ts";
import { sha256OfFile } from "../../../lib/files.ts";
import { requirePrograms, runOnHost } from "../../../lib/host.ts";
import { cacheDir } from "../../../lib/paths.ts";
import type { Context } from "../../../lib/program.ts";
import { imagePackages } from "../../../toolchain/packages.ts";
import type { ImageBase } from "../manifest/manifest.ts";

const isAddress = (image: string): boolean => /^https?:\/\//.test(image);

/**
 * The file of a base image: the given local file, or one downloaded into the cache.
 * @throws UserError if it can't be fetched or has another checksum
 */
export async function fetchBaseImage({ image, sha256 }: ImageBase, context: Context): Promise<string> {
  if (isAddress(image)) return download(image, sha256, context);
  context.progress.step(`base: checking ${path.basename(image)}`);
  const sum = await sha256OfFile(image, context.signal).catch((error: NodeJS.ErrnoException) => {
    if (error.code === undefined) throw error;
    throw new UserError(`The base image ${image} can't be read on the machine that builds (${error.code}).`);
  });
  checkSum(image, sum, sha256);
  return image;
}

async function download(image: string, sha256: string, context: Context): Promise<string> {
  const name = "image";
  const folder = cacheDir("layers", `download-${sha256.slice(0, 16)}`);
  await cachedFolder(folder, context, async (unfinished) => {
    context.progress.step(`base: downloading ${image}`);
    const file = path.join(unfinished, `${name}.part`);
    const sum = await downloadFile(image, file, context).catch((error: unknown) => {
      if (!(error instanceof Unreachable)) throw error;
      throw new UserError(`The base image can't be downloaded: ${error.message}. Try again, or name a local file.`);
    });
    checkSum(image, sum, sha256);
    await rename(file, path.join(unfinished, name));
  });
  return path.join(folder, name);
}

function checkSum(image: string, sum: string, promised: string): void {
  if (sum === promised) return;
  throw new UserError(
    `The base image ${image} has another checksum than the settings say:\n  sha256 ${sum} is the image's,\n` +
      `  sha256 ${promised} is in the settings. Correct the settings, or download the image again.`,
  );
}

/** Decompress $1 to $2, as a sparse file. */
const commands = {
  xz: 'xz --decompress --stdout --threads=0 <"$1" >"$2"',
  zstd: 'zstd --quiet --decompress --sparse --force "$1" -o "$2"',
  none: 'cp --sparse=always --reflink=auto "$1" "$2"',
};

/** Writes the possibly compressed disk image as a sparse file. */
export async function unpackBaseImage(file: string, disk: string, signal: AbortSignal): Promise<void> {
  const compression = await compressionOf(file, "The base image");
  if (compression) await requirePrograms("Unpacking the base image", [compression], imagePackages);
  await runOnHost("sh", ["-c", commands[compression ?? "none"], "sh", file, disk], {
    signal,
    hint: `The base image is unpacked in ${path.dirname(disk)}: it needs free space there for the whole disk.`,
  });
}
