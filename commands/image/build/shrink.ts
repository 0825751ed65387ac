import { stat, truncate } from "node:fs/promises";
import { runOnHost } from "../../../lib/host.ts";
import { imageTime } from "./recipe.ts";

const MiB = 1024 * 1024;

/** Left for the files that come last, and for what a machine writes before it has made the file system larger. */
export const spareMiB = 32;

/** Makes an ext4 file system, and the file that it is in, as small as its files allow, in whole MiB. */
export async function shrink(file: string, signal: AbortSignal): Promise<void> {
  const options = { env: { E2FSPROGS_FAKE_TIME: String(imageTime) }, signal };
  const resize = (...size: string[]) => runOnHost("resize2fs", ["-f", ...size], options);
  const before = (await stat(file)).size;
  // Its guess of the least size counts tables that are gone after the first time.
  for (let times = 0; times < 2; times++) await resize("-M", file);
  const size = Math.ceil((await stat(file)).size / MiB) + spareMiB;
  const fitted = Math.min(size, Math.floor(before / MiB));
  await truncate(file, fitted * MiB);
  await resize(file, `${fitted}M`);
}
