import { mkdir } from "node:fs/promises";
import path from "node:path";
import { silent } from "../../../lib/progress.ts";
import type { Emulation } from "../../../steps/image/foreign/emulation.ts";
import { rootImage } from "../../../steps/image/install/packages-layer.ts";
import { chooseSource } from "../../../steps/image/layers/choose-source.ts";
import type { Manifest } from "../../../steps/image/manifest/manifest.ts";

const context = { progress: silent, signal: new AbortController().signal };

/** Makes both layers of a system in a folder, past the cache, and returns the path of its root file system. */
export async function installSystem(manifest: Manifest, folder: string, emulation?: Emulation): Promise<string> {
  const [base, packages] = [path.join(folder, "base"), path.join(folder, "packages")];
  for (const dir of [base, packages]) await mkdir(dir, { recursive: true, mode: 0o700 });
  const source = chooseSource(manifest);
  await source.makeBase(base, context, emulation);
  await source.makePackages(base, packages, context, emulation);
  return path.join(packages, rootImage);
}
