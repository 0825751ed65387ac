import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { ifUnlocked, withLock } from "./lock.ts";
import type { Context } from "./program.ts";

export interface CachedFolder {
  dir: string;
  reused: boolean;
}

/**
 * A folder that stays: made whole or not at all, by `make` under a temporary name, when it isn't there. Who wants the
 * same one meanwhile waits, and what a killed process left is removed.
 */
export async function cachedFolder(
  dir: string,
  context: Context,
  make: (dir: string) => Promise<void>,
): Promise<CachedFolder> {
  if (existsSync(dir)) return { dir, reused: true };
  await mkdir(path.dirname(dir), { recursive: true, mode: 0o700 });
  return withLock(path.basename(dir), context, async () => {
    if (existsSync(dir)) return { dir, reused: true };
    await makeInPlace(dir, make);
    return { dir, reused: false };
  });
}

async function makeInPlace(dir: string, make: (dir: string) => Promise<void>): Promise<void> {
  const unfinished = `${dir}.tmp`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  try {
    await make(unfinished);
    await rename(unfinished, dir);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Removes each `NAME.tmp` in a folder that a killed process left, whatever it was making under the lock NAME. */
export async function removeLeftovers(folder: string, signal: AbortSignal): Promise<void> {
  const names = existsSync(folder) ? await readdir(folder) : [];
  for (const name of names.filter((candidate) => candidate.endsWith(".tmp"))) {
    await ifUnlocked(path.basename(name, ".tmp"), signal, () =>
      rm(path.join(folder, name), { recursive: true, force: true }),
    );
  }
}
