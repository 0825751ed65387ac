import { chmod, stat, truncate, writeFile } from "node:fs/promises";
import { runOnHost } from "../../../lib/host.ts";

/** The unit of stat's `blocks`, whatever the file system's own is. */
const statBlockBytes = 512;

/** What a file takes on its disk, which holes don't. */
export async function allocatedBytes(file: string): Promise<number> {
  return (await stat(file)).blocks * statBlockBytes;
}

/** Copies a file that only this user may read, with holes where it is empty. */
export async function copySparse(from: string, to: string, signal: AbortSignal): Promise<void> {
  await runOnHost("cp", ["--sparse=always", "--reflink=auto", from, to], { signal });
  await chmod(to, 0o600);
}

/** Puts the file system into a new disk, at that many bytes from its start; what is empty stays a hole. */
export async function placeRoot(root: string, disk: string, offset: number, signal: AbortSignal): Promise<void> {
  await writeFile(disk, "", { mode: 0o600 });
  await truncate(disk, offset + (await stat(root)).size);
  const blocks = ["bs=128K", `seek=${offset}`, "oflag=seek_bytes", "conv=notrunc,sparse", "status=none"];
  await runOnHost("dd", [`if=${root}`, `of=${disk}`, ...blocks], { signal });
}
