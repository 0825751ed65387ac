import { setTimeout as sleep } from "node:timers/promises";
import { type Drive, isSameDrive } from "./drive.ts";
import { Refused } from "./failure.ts";
import { linuxDrives } from "./linux.ts";
import { macDrives } from "./macos.ts";

/** All drives of this computer, including those that may not be written to. */
export async function listDrives(platform: NodeJS.Platform = process.platform): Promise<Drive[]> {
  if (platform === "linux") return linuxDrives();
  if (platform === "darwin") return macDrives();
  throw new Refused(
    `Cards can be burned on Linux and macOS, not on ${platform}. Write the image with Raspberry Pi Imager or Etcher there.`,
  );
}

const pauseMs = 1000;

/** Drives that have a card now, and had none or another one before. */
export function newlyInserted(before: readonly Drive[], now: readonly Drive[]): Drive[] {
  return now.filter((drive) => drive.bytes > 0 && !before.some((other) => isSameDrive(drive, other)));
}

/** Yields each drive inserted from now on, until the signal; one that is already inserted counts once it is inserted again. */
export async function* insertions(list: () => Promise<Drive[]>, signal: AbortSignal): AsyncGenerator<Drive> {
  let before = await list();
  while (!signal.aborted) {
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    // Listing fails if a device disappears meanwhile: try again.
    const now = await list().catch(() => before);
    yield* newlyInserted(before, now);
    before = now;
  }
}
