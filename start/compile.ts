import { chmod, readdir, rm, stat } from "node:fs/promises";
import path from "node:path";
import { isUnfinished, makeFolder } from "../lib/files.ts";
import { projectDir } from "../lib/paths.ts";
import { bundleOptions } from "../toolchain/bundle.ts";
import { digestOfSources, listSources, programs } from "./load.mjs";

/** These stay where they are: Pulumi's own, which its runner shares with the program, and those that find files beside theirs. */
const notCompiled = ["@pulumi/*", "esbuild", "mocha", "tsx"];

/**
 * Compiles all programs into a folder that is named by the digest of the sources, whole or not at all, and removes those that
 * nobody has used for a day.
 * @throws Error if the sources can't be compiled or are changed meanwhile, or the folder can't be made
 */
export async function compilePrograms(folder: string): Promise<void> {
  await makeFolder(folder, async (unfinished) => {
    await chmod(unfinished, 0o755); // As a checkout's other files.
    const { build } = await import("esbuild");
    const { metafile } = await build({
      ...bundleOptions,
      entryPoints: programs,
      outbase: projectDir,
      outdir: unfinished,
      external: notCompiled,
      // Only the command that runs is loaded.
      splitting: true,
      sourcemap: true,
      sourcesContent: false,
      metafile: true,
    });
    refuseOthers(Object.keys(metafile.inputs));
    if (digestOfSources() !== path.basename(folder))
      throw new Error("the sources have changed while they were compiled");
  });
  await removeUnused(path.dirname(folder));
}

/** A change of another file would go unnoticed. */
function refuseOthers(inputs: readonly string[]): void {
  const known = new Set(listSources());
  const others = inputs.filter((file) => !known.has(file) && !file.includes("node_modules/"));
  if (others.length > 0) throw new Error(`start/load.mjs does not list ${others.join(", ")} as sources`);
}

const dayMs = 24 * 60 * 60 * 1000;

/** A program that runs may load more of its folder, which was used when it was started. */
async function removeUnused(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const folder = path.join(parent, name);
    const found = await stat(folder).catch(() => undefined);
    if (!isUnfinished(name) && found && Date.now() - found.mtimeMs > dayMs)
      await rm(folder, { recursive: true, force: true });
  }
}
