import { mkdir } from "node:fs/promises";
import { removeLeftovers } from "../../../lib/cached-folder.ts";
import { requirePackages } from "../../../lib/host.ts";
import { withLock } from "../../../lib/lock.ts";
import type { Context } from "../../../lib/program.ts";
import { imagePackages } from "../../../toolchain/packages.ts";
import type { BuildRequest, BuiltImage } from "../manifest/contract.ts";
import { layers } from "../manifest/manifest.ts";
import { type FetchProgram, programsLayer } from "./cached-layers.ts";
import { chooseSource } from "./choose-source.ts";
import { builtImage, imageFile, readContents, removeOldImages, unfinishedName } from "./image-files.ts";
import { makeImage } from "./image-layer.ts";
import { forgetUnused, layersDir, noteUse } from "./layer-cache.ts";
import { layerNames } from "./layer-names.ts";

/**
 * Builds a manifest's image, layer by layer: base, packages, programs, image. Layers in the cache are reused.
 * @throws UserError if the manifest can't be built, or not on this host
 */
export async function buildImage(
  { manifest, outputDir }: BuildRequest,
  fetchProgram: FetchProgram,
  context: Context,
): Promise<BuiltImage> {
  const start = performance.now();
  await requirePackages("Building images", imagePackages);
  const source = chooseSource(manifest);
  const names = layerNames(manifest, source);
  const image = imageFile(outputDir, names);
  await mkdir(outputDir, { recursive: true, mode: 0o700 });
  await noteUse(names, image);
  const built = await readContents(image);
  if (built) return builtImage(image, built, layers, start);
  await removeLeftovers(layersDir(), context.signal);
  await removeLeftovers(outputDir, context.signal);

  await forgetUnused();

  const programs = await programsLayer({ manifest, source, names }, fetchProgram, context);
  return withLock(unfinishedName(image), context, async () => {
    const other = await readContents(image);
    if (other) return builtImage(image, other, layers, start);
    const contents = await makeImage(manifest, source, programs.dir, image, context);
    await removeOldImages(image);
    return builtImage(image, contents, programs.reused, start);
  });
}
