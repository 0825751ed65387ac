import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { type BlockMap, parseBlockMap } from "../formats/bmap.ts";
import { type Compression, compressionOf } from "../formats/compression.ts";
import { UserError } from "../lib/errors.ts";
import { requirePrograms, runOnHost } from "../lib/host.ts";
import { burnPackages } from "./burn-packages.ts";

/** What is known of a disk image without reading it. */
export interface ImageFile {
  path: string;
  compression: Compression | undefined;
  /** Size of the disk; undefined if a compressed file doesn't record it. */
  bytes: number | undefined;
  /** Undefined: the whole image is written. */
  map: BlockMap | undefined;
}

/**
 * Inspects an image (.img, .img.xz, .img.zst) and the block map beside it.
 * @throws UserError if it can't be read, has another compression, or the map belongs to another image
 */
export async function inspectImage(file: string): Promise<ImageFile> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new UserError(`The image ${file} can't be read (${error.code}).`);
  });
  if (!found.isFile() || found.size === 0) throw new UserError(`The image ${file} is empty or not a file.`);
  const compression = await compressionOf(file, "The image");
  if (compression) await requirePrograms(`Unpacking ${file}`, [compression], burnPackages);
  const map = await findBlockMap(file);
  const bytes = compression ? await unpackedBytes(file, compression) : found.size;
  if (map && bytes !== undefined && map.map.imageBytes !== bytes) {
    throw new UserError(
      `The block map ${map.file} belongs to another image: it is for ${map.map.imageBytes} bytes, but ${file} has ${bytes}. ` +
        "Get the image's own map, or remove this one to write the whole image.",
    );
  }
  return { path: file, compression, bytes: bytes ?? map?.map.imageBytes, map: map?.map };
}

/** Looks where bmaptool does: .bmap added to the image's name, or in place of its extensions. */
async function findBlockMap(image: string): Promise<{ file: string; map: BlockMap } | undefined> {
  const unpacked = image.replace(/\.(xz|zst)$/, "");
  const bare = unpacked.slice(0, unpacked.length - path.extname(unpacked).length);
  for (const base of new Set([image, unpacked, bare])) {
    const file = `${base}.bmap`;
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw new UserError(`The block map ${file} can't be read (${error.code}).`);
    });
    if (text !== undefined) return { file, map: parseBlockMap(text, file) };
  }
  return undefined;
}

/** The size that the file records; a zstd file made from a stream has none. */
async function unpackedBytes(file: string, compression: Compression): Promise<number | undefined> {
  const options = { env: { LC_ALL: "C" }, hint: `${file} seems to be damaged: download or build it again.` };
  if (compression === "xz") {
    const list = await runOnHost("xz", ["--robot", "--list", "--", file], options);
    return Number(/^totals\t\d+\t\d+\t\d+\t(\d+)\t/m.exec(list)?.[1] ?? Number.NaN);
  }
  const list = await runOnHost("zstd", ["--list", "--verbose", "--", file], options);
  const bytes = /^Decompressed Size:.*\((\d+) B\)/m.exec(list)?.[1];
  return bytes === undefined ? undefined : Number(bytes);
}
