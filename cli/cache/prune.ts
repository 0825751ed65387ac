import { readdir, rm } from "node:fs/promises";
import { cacheDir } from "../../lib/paths.ts";
import type { Contents } from "../../steps/image/layers/contents.ts";
import { readContents } from "../../steps/image/layers/image-files.ts";
import { imagesInUse, pruneLayers } from "../../steps/image/layers/layer-cache.ts";
import { allocatedBelow } from "./list.ts";

/** How much was removed. */
export interface Pruned {
  layers: number;
  packages: number;
  bytes: number;
}

/** Removes the layers and packages of which no image was made that is still there. */
export async function pruneCache(): Promise<Pruned> {
  const parts = [cacheDir("layers"), cacheDir("debs")];
  const before = await sumOf(parts);
  const images = (await Promise.all((await imagesInUse()).map(readContents))).filter((image) => image !== undefined);
  const layers = await pruneLayers();
  const packages = await prunePackages(new Set(images.flatMap(debsOf)));
  return { layers: layers.length, packages, bytes: before - (await sumOf(parts)) };
}

const sumOf = async (places: readonly string[]): Promise<number> =>
  (await Promise.all(places.map(allocatedBelow))).reduce((sum, bytes) => sum + bytes, 0);

/** The files of an image's packages as apt names them: a version's colon can't be in a name on every file system. */
const debsOf = ({ packages }: Contents): string[] =>
  packages.map(({ name, version, architecture }) => `${name}_${version.replaceAll(":", "%3a")}_${architecture}.deb`);

async function prunePackages(kept: ReadonlySet<string>): Promise<number> {
  let removed = 0;
  for (const archive of await readdir(cacheDir("debs")).catch(() => [])) {
    const unused = (await readdir(cacheDir("debs", archive))).filter((name) => !kept.has(name));
    for (const name of unused) await rm(cacheDir("debs", archive, name), { force: true });
    removed += unused.length;
  }
  return removed;
}
