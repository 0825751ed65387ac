import path from "node:path";
import { type Architecture, hostArchitecture } from "../../../lib/architecture.ts";
import { type CachedFolder, cachedFolder } from "../../../lib/cached-folder.ts";
import type { Context } from "../../../lib/program.ts";
import { type Emulation, emulationHook } from "../foreign/emulation.ts";
import { canUseNative, nativeScripts } from "../foreign/native.ts";
import { checkNamespace } from "../install/namespace.ts";
import { baseTar } from "../install/packages-layer.ts";
import type { SystemSource } from "../install/system-source.ts";
import type { Layer, Manifest, Program } from "../manifest/manifest.ts";
import { layersDir } from "./layer-cache.ts";
import { baseLayerName, type LayerNames } from "./layer-names.ts";
import { type ImageProgram, makePrograms } from "./programs-layer.ts";

/** Fetches a pinned program; the toolchain's `toolGetter`, except in tests. */
export type FetchProgram = (
  name: Program["name"],
  options: { architecture: Architecture } & Context,
) => Promise<{ path: string; version: string; sha256: string }>;

/** What to build, with everything that is derived from the manifest. */
export interface ImageBuild {
  manifest: Manifest;
  source: SystemSource;
  names: LayerNames;
}

/** A layer and what it is made from. */
export interface LayerStack {
  /** The layer's folder. */
  dir: string;
  /** The layers that came from the cache, up to this one. */
  reused: Layer[];
}

/** The programs layer, from the cache or made now with the layers below it. */
export async function programsLayer(
  build: ImageBuild,
  fetchProgram: FetchProgram,
  context: Context,
): Promise<LayerStack> {
  const { manifest, source, names } = build;
  let below: Layer[] = [];
  const programs = await cachedFolder(layersDir(names.programs), context, async (dir) => {
    // First, so that a program that can be neither downloaded nor built fails the build early.
    const fetched = await fetchAll(manifest, fetchProgram, context);
    const packages = await packagesLayer(build, context);
    below = packages.reused;
    await makePrograms(manifest, source, packages.dir, fetched, dir, context);
  });
  return { dir: programs.dir, reused: programs.reused ? ["base", "packages", "programs"] : below };
}

async function fetchAll(
  { programs, architecture }: Manifest,
  fetchProgram: FetchProgram,
  context: Context,
): Promise<ImageProgram[]> {
  const fetched: ImageProgram[] = [];
  for (const { name, path: place } of programs) {
    const { version, sha256, path: copyOf } = await fetchProgram(name, { architecture, ...context });
    fetched.push({ name, version, path: place, sha256, copyOf });
  }
  return fetched;
}

async function packagesLayer({ manifest, source, names }: ImageBuild, context: Context): Promise<LayerStack> {
  const below: Layer[] = [];
  const packages = await cachedFolder(layersDir(names.packages), context, async (dir) => {
    await checkNamespace();
    const emulation = await emulationFor(manifest.architecture, source, context);
    const base = await baseLayer(source, context, emulation);
    if (base.reused) below.push("base");
    await source.makePackages(base.dir, dir, context, emulation);
  });
  return { dir: packages.dir, reused: packages.reused ? ["base", "packages"] : below };
}

const baseLayer = (source: SystemSource, context: Context, emulation?: Emulation): Promise<CachedFolder> =>
  cachedFolder(layersDir(baseLayerName(source)), context, (dir) => source.makeBase(dir, context, emulation));

/** What this host needs to run programs of that architecture; undefined for its own. */
export async function emulationFor(
  architecture: Architecture,
  source: SystemSource,
  context: Context,
): Promise<Emulation | undefined> {
  const host = hostArchitecture();
  if (architecture === host) return undefined;
  const hook = await emulationHook(architecture);
  if (!source.forHost || !canUseNative(host, architecture)) return { hook, native: undefined };
  const base = await baseLayer(source.forHost(host), context);
  return { hook, native: { tar: path.join(base.dir, baseTar), scripts: nativeScripts(host, architecture) } };
}
