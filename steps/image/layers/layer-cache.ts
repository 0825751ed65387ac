import { existsSync } from "node:fs";
import { appendFile, mkdir, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import path from "node:path";
import { cacheDir } from "../../../lib/paths.ts";
import type { LayerNames } from "./layer-names.ts";

/**
 * Which layers are in use: those of which an image was made that is still there, whatever checkout it belongs to. For each
 * layer, a file has the paths of these images, and its time is that of the last build that used the layer.
 */

/** Where layers are, and existing images that were downloaded. */
export const layersDir = (...name: string[]): string => cacheDir("layers", ...name);
const usesDir = (...name: string[]): string => cacheDir("uses", ...name);

/** Notes that a build makes this image from these layers. A builder for others keeps no image. */
export async function noteUse({ base, packages, programs }: LayerNames, image: string): Promise<void> {
  await mkdir(usesDir(), { recursive: true, mode: 0o700 });
  const isKept = !image.startsWith(cacheDir() + path.sep);
  const now = new Date();
  for (const name of [base, packages, programs]) {
    if (isKept && !(await imagesOf(name)).includes(image))
      await appendFile(usesDir(name), `${image}\n`, { mode: 0o600 });
    await utimes(usesDir(name), now, now).catch(ifThere);
  }
}

/** All images that are there, of this user's checkouts. */
export async function imagesInUse(): Promise<string[]> {
  const noted = await readdir(usesDir()).catch(() => []);
  const images = (await Promise.all(noted.map(imagesOf))).flat();
  return [...new Set(images)].filter((image) => existsSync(image));
}

/** `up` after `destroy` is to find its layers again. */
const monthMs = 30 * 24 * 60 * 60_000;
/** What a build may be using now. */
const hourMs = 60 * 60_000;

/** Removes layers whose images are gone, and that no build has used for a month. */
export async function forgetUnused(): Promise<void> {
  for (const name of await readdir(usesDir()).catch(() => []))
    if ((await sinceUse(usesDir(name))) > monthMs && !(await isInUse(name))) await removeLayer(name);
}

/** Removes all layers but those of images, and those that a build may be using. Returns their names. */
export async function pruneLayers(): Promise<string[]> {
  const removed: string[] = [];
  for (const name of (await readdir(layersDir()).catch(() => [])).filter((name) => madeByBuilds.test(name))) {
    const lastUse = Math.min(await sinceUse(usesDir(name)), await sinceUse(layersDir(name)));
    if (lastUse < hourMs || (await isInUse(name))) continue;
    await removeLayer(name);
    removed.push(name);
  }
  return removed;
}

/** Not what is unfinished, which belongs to whoever has its lock, nor what tests keep there. */
const madeByBuilds = /^(base|packages|programs|download)-[0-9a-f]{16}$/;

const isInUse = async (name: string): Promise<boolean> => (await imagesOf(name)).some((image) => existsSync(image));

const imagesOf = async (name: string): Promise<string[]> =>
  (await readFile(usesDir(name), "utf8").catch(() => "")).split("\n").filter(Boolean);

/** Milliseconds; endless for what isn't there. */
async function sinceUse(file: string): Promise<number> {
  const found = await stat(file).catch(ifThere);
  return found ? Date.now() - found.mtimeMs : Number.POSITIVE_INFINITY;
}

/** A killed run leaves what the next build removes. */
async function removeLayer(name: string): Promise<void> {
  const leaving = layersDir(`${name}.gone.tmp`);
  await rename(layersDir(name), leaving).catch(ifThere);
  await rm(leaving, { recursive: true, force: true });
  await rm(usesDir(name), { force: true });
}

function ifThere(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
