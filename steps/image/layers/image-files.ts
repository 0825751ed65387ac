import { readdir, readFile, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { blockMapFileOf } from "../../../formats/bmap.ts";
import { spdxDocument } from "../../../formats/spdx.ts";
import { removeAbandoned, syncToDisk } from "../../../lib/files.ts";
import { secondsSince } from "../../../lib/progress.ts";
import { updateFileOf } from "../../image-names.ts";
import type { BuildRequest, BuiltImage } from "../manifest/contract.ts";
import { imageTime } from "../manifest/image-time.ts";
import type { Layer } from "../manifest/manifest.ts";
import type { Contents } from "./contents.ts";
import type { LayerNames } from "./layer-names.ts";

/** The path of the image with those layers. */
export const imageFile = (outputDir: string, names: LayerNames): string =>
  path.resolve(outputDir, `${names.image}.img`);

/** The step's answer for a built image. @param start when the build began */
export const builtImage = (
  image: string,
  { sha256, bytes }: Contents,
  reused: readonly Layer[],
  start: number,
): BuiltImage => ({ path: image, sha256, bytes, seconds: secondsSince(start), reused });

/** The list of packages in SPDX, which other tools read. */
const spdxFileOf = (image: string): string => image.replace(/\.img$/, ".spdx.json");

const contentsFileOf = (image: string): string => image.replace(/\.img$/, ".contents.json");

/** The contents of a built image; undefined if it is missing or incomplete. */
export async function readContents(image: string): Promise<Contents | undefined> {
  try {
    const contents = JSON.parse(await readFile(contentsFileOf(image), "utf8")) as Contents;
    return (await stat(image)).size === contents.bytes ? contents : undefined;
  } catch {
    return undefined;
  }
}

/** What belongs to an image. */
export interface Belongings {
  contents: Contents;
  /** Text. */
  blockMap: string;
  /** The path of its update, which is moved. */
  bundle?: string | undefined;
}

/** Moves a finished disk image into its folder, with what belongs to it. The image comes last, so it is never without. */
export async function publish(disk: string, image: string, { contents, blockMap, bundle }: Belongings): Promise<void> {
  const lists = [
    { place: blockMapFileOf(image), text: blockMap },
    // With the time of the build, two builds of the same image would differ.
    { place: spdxFileOf(image), text: json(spdxDocument(contents, imageTime)) },
    { place: contentsFileOf(image), text: json(contents) },
  ];
  for (const { place, text } of lists) {
    const unfinished = path.join(path.dirname(disk), path.basename(place));
    await writeFile(unfinished, text, { mode: 0o600 });
    await syncToDisk(unfinished);
    await rename(unfinished, place);
  }
  if (bundle !== undefined) {
    await syncToDisk(bundle);
    await rename(bundle, updateFileOf(image));
  }
  await syncToDisk(disk);
  await rename(disk, image);
  await syncToDisk(path.dirname(image));
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Removes an image and the files that belong to it, which share its name up to the extension. */
async function removeImage(image: string): Promise<void> {
  const folder = path.dirname(image);
  const start = `${path.basename(image, ".img")}.`;
  for (const name of await readdir(folder))
    if (name.startsWith(start)) await rm(path.join(folder, name), { force: true });
}

/** Keeps the image and the previous one of its name, which machines may still run; removes older ones. */
export async function removeOldImages(image: string): Promise<void> {
  const name = path.basename(image).replace(imageEnding, "");
  const others = (await imagesOf(path.dirname(image), name)).filter((file) => file !== image);
  const dated = await Promise.all(others.map(async (file) => ({ file, time: (await stat(file)).mtimeMs })));
  dated.sort((a, b) => b.time - a.time);
  for (const { file } of dated.slice(1)) await removeImage(file);
}

/** The name of the folder where an image is made, without the extension. It is hidden, to not look like an image. */
export const unfinishedName = (image: string): string => `.${path.basename(image, ".img")}`;

/** Removes all images of that name, the leftovers of killed builds, and the folder if it is then empty. */
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
