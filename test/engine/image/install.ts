import { mkdir } from "node:fs/promises";
import path from "node:path";
import { silent } from "../../../lib/progress.ts";
import { type Emulation, makeBase, makePackages, rootImage } from "../../../steps/image/debian/debian.ts";
import type { DebianBase, ManifestOf } from "../../../steps/image/manifest/manifest.ts";

const context = { progress: silent, signal: new AbortController().signal };

/** Makes both layers of a system in a folder, past the cache, and returns the path of its root file system. */
export async function installSystem(
  manifest: ManifestOf<DebianBase>,
  folder: string,
  emulation?: Emulation,
): Promise<string> {
  const [base, packages] = [path.join(folder, "base"), path.join(folder, "packages")];
  for (const dir of [base, packages]) await mkdir(dir, { recursive: true, mode: 0o700 });
  await makeBase(manifest, base, context, emulation);
  await makePackages(manifest, base, packages, context, emulation);
  return path.join(packages, rootImage);
}
