import { readdir, readFile, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { blockMapFileOf } from "../../../formats/bmap.ts";
import { spdxDocument } from "../../../formats/spdx.ts";
import { removeAbandoned, syncToDisk } from "../../../lib/files.ts";
import { secondsSince } from "../../../lib/progress.ts";
import type { BuildRequest, BuiltImage } from "../manifest/contract.ts";
import { imageTime } from "../manifest/image-time.ts";
import type { Layer } from "../manifest/manifest.ts";
import type { Contents } from "./contents.ts";
import type { LayerNames } from "./layer-names.ts";

/** Where the image of those layers is, once it is built. */
export const imageFile = (outputDir: string, names: LayerNames): string =>
  path.resolve(outputDir, `${names.image}.img`);

/** The answer about an image that is there; `start` is when its build began. */
export const builtImage = (
  image: string,
  { sha256, bytes }: Contents,
  reused: readonly Layer[],
  start: number,
): BuiltImage => ({ path: image, sha256, bytes, seconds: secondsSince(start), reused });

/** The same list of packages in the form that other tools read. */
const spdxFileOf = (image: string): string => image.replace(/\.img$/, ".spdx.json");

const contentsFileOf = (image: string): string => image.replace(/\.img$/, ".contents.json");

/** The contents of an image that is there and whole. */
export async function readContents(image: string): Promise<Contents | undefined> {
  try {
    const contents = JSON.parse(await readFile(contentsFileOf(image), "utf8")) as Contents;
    return (await stat(image)).size === contents.bytes ? contents : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Puts a finished disk image in its place together with its contents and its block map; the image comes last, so it is
 * never alone.
 */
export async function publish(disk: string, image: string, contents: Contents, blockMap: string): Promise<void> {
  const lists = [
    { place: blockMapFileOf(image), text: blockMap },
    // Not the time of the build, which would be the only difference between two builds of the same image.
    { place: spdxFileOf(image), text: json(spdxDocument(contents, imageTime)) },
    { place: contentsFileOf(image), text: json(contents) },
  ];
  for (const { place, text } of lists) {
    const unfinished = path.join(path.dirname(disk), path.basename(place));
    await writeFile(unfinished, text, { mode: 0o600 });
    await syncToDisk(unfinished);
    await rename(unfinished, place);
  }
  await syncToDisk(disk);
  await rename(disk, image);
  await syncToDisk(path.dirname(image));
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Removes an image and what stands beside it: its name without the ending is of no other image. */
async function removeImage(image: string): Promise<void> {
  const folder = path.dirname(image);
  const start = `${path.basename(image, ".img")}.`;
  for (const name of await readdir(folder))
    if (name.startsWith(start)) await rm(path.join(folder, name), { force: true });
}

/** Keeps the image and the newest other one of its name, which machines may still run on; removes older ones. */
export async function removeOldImages(image: string): Promise<void> {
  const name = path.basename(image).replace(imageEnding, "");
  const others = (await imagesOf(path.dirname(image), name)).filter((file) => file !== image);
  const dated = await Promise.all(others.map(async (file) => ({ file, time: (await stat(file)).mtimeMs })));
  dated.sort((a, b) => b.time - a.time);
  for (const { file } of dated.slice(1)) await removeImage(file);
}

/** What an image is made in, without its ending: hidden, so that it isn't taken for an image. */
export const unfinishedName = (image: string): string => `.${path.basename(image, ".img")}`;

/** Removes every image of that name with what killed builds of it left, and the folder when nothing else is in it. */
export async function removeImages({ manifest, outputDir }: BuildRequest): Promise<void> {
  for (const file of await imagesOf(outputDir, manifest.name)) await removeImage(file);
  const unfinished = new RegExp(`^\\.${manifest.name}-[0-9a-f]{16}\\.tmp$`);
  for (const entry of await readdir(outputDir).catch(() => [])) {
    if (unfinished.test(entry)) await rm(path.join(outputDir, entry), { recursive: true, force: true });
  }
  await removeAbandoned(outputDir);
  const left = await readdir(outputDir).catch(() => ["unknown"]);
  if (left.length === 0) await rmdir(outputDir);
}

const imageEnding = /-[0-9a-f]{16}\.img$/;

async function imagesOf(folder: string, name: string): Promise<string[]> {
  const entries = await readdir(folder).catch(() => []);
  return entries
    .filter((entry) => imageEnding.test(entry) && entry.replace(imageEnding, "") === name)
    .map((entry) => path.join(folder, entry));
}
