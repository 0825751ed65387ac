import { chmod, stat, truncate, writeFile } from "node:fs/promises";
import { runOnHost } from "../../../lib/host.ts";

/** The unit of stat's `blocks` on every file system. */
const statBlockBytes = 512;

/** The space that a file takes on its disk, without its holes. */
export async function allocatedBytes(file: string): Promise<number> {
  return (await stat(file)).blocks * statBlockBytes;
}

/** Copies a file and makes holes of its zeros. Only this user may read the copy. */
export async function copySparse(from: string, to: string, signal: AbortSignal): Promise<void> {
  await runOnHost("cp", ["--sparse=always", "--reflink=auto", from, to], { signal });
  await chmod(to, 0o600);
}

/** Writes the file system to a new disk and makes holes of its zeros. @param offset bytes from the disk's start */
export async function placeRoot(root: string, disk: string, offset: number, signal: AbortSignal): Promise<void> {
  await writeFile(disk, "", { mode: 0o600 });
  await truncate(disk, offset + (await stat(root)).size);
  const blocks = ["bs=128K", `seek=${offset}`, "oflag=seek_bytes", "conv=notrunc,sparse", "status=none"];
  await runOnHost("dd", [`if=${root}`, `of=${disk}`, ...blocks], { signal });
}
