import { open } from "node:fs/promises";
import { UserError } from "../lib/errors.ts";

/** The program that unpacks the file. */
export type Compression = "xz" | "zstd";

/** The first bytes of files. */
const known: Readonly<Record<string, Compression>> = { fd377a585a00: "xz", "28b52ffd": "zstd" };
const others: Readonly<Record<string, string>> = {
  "504b0304": "a zip archive",
  "1f8b": "compressed with gzip",
  "425a68": "compressed with bzip2",
};

/**
 * How a disk image is compressed, told by its first bytes; undefined when it isn't. `what` names it in the error.
 * @throws UserError for other ways to pack it
 */
export async function compressionOf(file: string, what: string): Promise<Compression | undefined> {
  const start = await firstBytes(file);
  const other = Object.entries(others).find(([magic]) => start.startsWith(magic));
  if (other) throw new UserError(`${what} ${file} is ${other[1]}: unpack it, or compress it with xz or zstd.`);
  return Object.entries(known).find(([magic]) => start.startsWith(magic))?.[1];
}

async function firstBytes(file: string): Promise<string> {
  const handle = await open(file, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(6), 0, 6, 0);
    return buffer.subarray(0, bytesRead).toString("hex");
  } finally {
    await handle.close();
  }
}
