import { createHash } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { renderBlockMap } from "../../../formats/bmap.ts";
import { cachedLayer, removeLeftovers } from "../../../lib/layer-cache.ts";
import { withLock } from "../../../lib/lock.ts";
import { cacheDir } from "../../../lib/paths.ts";
import type { Context } from "../../../lib/program.ts";
import { baseTar, type Emulation, makeBase, makePackages, nativeDescriptor } from "../debian/debian.ts";
import { checkPrograms } from "../debian/host.ts";
import { checkNameSpace } from "../debian/name-space.ts";
import { layerNames } from "../debian/recipe.ts";
import { surveyDisk } from "../disk/survey.ts";
import { makeImageBase, makeImagePackages } from "../existing/base-image.ts";
import { forBase } from "../existing/image-recipe.ts";
import { emulationHook, hostArchitecture } from "../foreign/emulation.ts";
import { canUseNative, nativeScripts } from "../foreign/native.ts";
import type { Architecture, BuildRequest, BuiltImage, Manifest, Program } from "../manifest/manifest.ts";
import {
  assemble,
  checkFileSystem,
  type FetchedProgram,
  makePrograms,
  readSystemContents,
  type SystemContents,
} from "./assemble.ts";
import { type Contents, publish, readContents, removeOldImages, unfinishedName } from "./output.ts";

/** Gets a program of a version; the toolchain's `toolGetter` in earnest. */
export type FetchProgram = (
  name: Program["name"],
  options: { architecture: Architecture } & Context,
) => Promise<FetchedProgram>;

/**
 * Builds the image of a manifest, as far as it isn't there yet: base system, packages, programs, then the image itself.
 * @throws UserError for what the manifest or the host lacks
 */
export async function buildImage(
  { manifest, outputDir }: BuildRequest,
  fetchProgram: FetchProgram,
  context: Context,
): Promise<BuiltImage> {
  const start = performance.now();
  await checkPrograms();
  const names = layerNames(manifest);
  const image = path.resolve(outputDir, `${names.image}.img`);
  const answer = (contents: Contents, reused: string[]): BuiltImage => ({
    path: image,
    sha256: contents.sha256,
    bytes: contents.bytes,
    seconds: Math.round((performance.now() - start) / 100) / 10,
    reused,
  });
  const everything = ["base", "packages", "programs", "image"];

  await mkdir(outputDir, { recursive: true, mode: 0o700 });
  const built = await readContents(image);
  if (built) return answer(built, everything);
  await removeLeftovers(cacheDir("layers"), context.signal);
  await removeLeftovers(outputDir, context.signal);

  const layer = await programsLayer(manifest, fetchProgram, context);
  return withLock(unfinishedName(image), context, async () => {
    const other = await readContents(image);
    if (other) return answer(other, everything);
    const contents = await makeImage(manifest, layer.dir, image, context);
    await removeOldImages(image);
    return answer(contents, layer.reused);
  });
}

interface Layer {
  dir: string;
  /** Names of the layers that came from the cache, up to this one. */
  reused: string[];
}

async function programsLayer(manifest: Manifest, fetchProgram: FetchProgram, context: Context): Promise<Layer> {
  let below: string[] = [];
  const programs = await cachedLayer(layerNames(manifest).programs, context, async (dir) => {
    // First, because it fails where one of them can neither be downloaded nor built here.
    const fetched = new Map<string, FetchedProgram>();
    for (const { name } of manifest.programs) {
      fetched.set(name, await fetchProgram(name, { architecture: manifest.architecture, ...context }));
    }
    const packages = await packagesLayer(manifest, context);
    below = packages.reused;
    await makePrograms(manifest, packages.dir, fetched, dir, context);
  });
  return { dir: programs.dir, reused: programs.reused ? ["base", "packages", "programs"] : below };
}

async function packagesLayer(manifest: Manifest, context: Context): Promise<Layer> {
  const names = layerNames(manifest);
  const below: string[] = [];
  const packages = await cachedLayer(names.packages, context, async (dir) => {
    await checkNameSpace();
    const base = await cachedLayer(names.base, context, (baseDir) =>
      forBase(manifest, {
        debian: async (own) => makeBase(own, baseDir, context, await emulationFor(own, context)),
        image: (own) => makeImageBase(own, baseDir, context),
      }),
    );
    if (base.reused) below.push("base");
    const emulation = await emulationFor(manifest, context);
    await forBase(manifest, {
      debian: (own) => makePackages(own, base.dir, dir, context, emulation),
      image: (own) => makeImagePackages(own, base.dir, dir, context, emulation),
    });
  });
  return { dir: packages.dir, reused: packages.reused ? ["base", "packages"] : below };
}

/** What a board of another architecture needs on this host; nothing for one of the host's own. */
export async function emulationFor(manifest: Manifest, context: Context): Promise<Emulation | undefined> {
  const host = hostArchitecture();
  if (manifest.architecture === host) return undefined;
  const hook = await emulationHook(manifest.architecture);
  if (!canUseNative(host, manifest.architecture)) return { hook, native: undefined };
  return forBase<Emulation | Promise<Emulation>>(manifest, {
    debian: async (foreign) => {
      const own = { ...foreign, architecture: host, base: { ...foreign.base, components: [], backports: [] } };
      const base = await cachedLayer(layerNames(own).base, context, (dir) => makeBase(own, dir, context));
      const scripts = nativeScripts(host, manifest.architecture, nativeDescriptor);
      return { hook, native: { tar: path.join(base.dir, baseTar), scripts } };
    },
    // The host's programs are those of a Debian that may be another one than the image's.
    image: () => ({ hook, native: undefined }),
  });
}

async function makeImage(manifest: Manifest, layer: string, image: string, context: Context): Promise<Contents> {
  const work = path.join(path.dirname(image), `${unfinishedName(image)}.tmp`);
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { mode: 0o700 });
  try {
    const partition = await assemble(manifest, layer, work, context);
    const [{ sha256, bytes, map }] = await Promise.all([
      surveyDisk(partition.disk, context.signal),
      checkFileSystem(partition, context.signal),
    ]);
    const contents = describe(manifest, sha256, bytes, await readSystemContents(layer));
    await publish(partition.disk, image, contents, renderBlockMap(map));
    return contents;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Whether everybody may read a file of that mode, octal digits. */
const isPublic = (mode: string) => (Number.parseInt(mode, 8) & 0o004) !== 0;

function describe(manifest: Manifest, sha256: string, bytes: number, system: SystemContents): Contents {
  return {
    name: manifest.name,
    board: manifest.board,
    architecture: manifest.architecture,
    base: manifest.base,
    sha256,
    bytes,
    ...system,
    files: manifest.files.map(({ path, mode, owner, text }) => ({
      path,
      mode,
      owner,
      // Of a secret, a digest is enough to try guesses against.
      ...(isPublic(mode) && { sha256: createHash("sha256").update(text).digest("hex") }),
    })),
    links: manifest.links,
  };
}
