import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { ifUnlocked, withLock } from "./lock.ts";
import { cacheDir } from "./paths.ts";
import type { Context } from "./program.ts";

export interface CachedLayer {
  /** The layer's folder. */
  dir: string;
  reused: boolean;
}

/**
 * The folder of the layer with this name, made by `make` in a temporary folder when the cache has none.
 * Builds of the same layer wait for each other, and what a killed build left is removed.
 */
export async function cachedLayer(
  name: string,
  context: Context,
  make: (dir: string) => Promise<void>,
): Promise<CachedLayer> {
  const dir = cacheDir("layers", name);
  if (existsSync(dir)) return { dir, reused: true };
  await mkdir(path.dirname(dir), { recursive: true, mode: 0o700 });
  return withLock(name, context, async () => {
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

/** Removes each `NAME.tmp` that a killed build left in a folder, whatever it was building under the lock NAME. */
export async function removeLeftovers(folder: string, signal: AbortSignal): Promise<void> {
  const names = existsSync(folder) ? await readdir(folder) : [];
  for (const name of names.filter((candidate) => candidate.endsWith(".tmp"))) {
    await ifUnlocked(path.basename(name, ".tmp"), signal, () =>
      rm(path.join(folder, name), { recursive: true, force: true }),
    );
  }
}
