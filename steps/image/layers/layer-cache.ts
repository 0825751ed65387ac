import { readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { cacheDir } from "../../../lib/paths.ts";
import type { LayerNames } from "./layer-names.ts";

/** Where layers are, and existing images that were downloaded. */
export const layersDir = (...name: string[]): string => cacheDir("layers", ...name);

/** What a build may be using now. */
const hourMs = 60 * 60_000;
const monthMs = 30 * 24 * hourMs;

/** Notes that a build uses these layers, and removes those that none has used for a month. */
export async function forgetUnused(names: LayerNames): Promise<void> {
  const now = new Date();
  // The native base layer of a foreign image isn't among the names: its use is when it was made.
  for (const name of Object.values(names)) await utimes(layersDir(name), now, now).catch(ifThere);
  await removeLayersBut(new Set(Object.values(names)), monthMs);
}

/** Removes all layers but these and what was used within the last hour. Returns their names. */
export const pruneLayers = (kept: ReadonlySet<string>): Promise<string[]> => removeLayersBut(kept, hourMs);

async function removeLayersBut(kept: ReadonlySet<string>, spareMs: number): Promise<string[]> {
  const removed: string[] = [];
  const names = await readdir(layersDir()).catch(() => []);
  // What is unfinished belongs to whoever has its lock.
  for (const name of names.filter((name) => !name.endsWith(".tmp") && !kept.has(name))) {
    if ((await unusedMs(name)) < spareMs) continue;
    await removeLayer(name);
    removed.push(name);
  }
  return removed;
}

async function unusedMs(name: string): Promise<number> {
  const found = await stat(layersDir(name)).catch(ifThere);
  return found ? Date.now() - found.mtimeMs : 0;
}

/** A killed run leaves what the next build removes. */
async function removeLayer(name: string): Promise<void> {
  const leaving = layersDir(`${name}.gone.tmp`);
  await rename(layersDir(name), leaving).catch(ifThere);
  await rm(leaving, { recursive: true, force: true });
}

function ifThere(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
