import type { BuildOptions } from "esbuild";
import { projectDir } from "../lib/paths.ts";

/** Bundled CommonJS packages ask for Node's own modules by `require`, which a module doesn't have by itself. */
const banner = `import * as nodeModuleOfBundle from "node:module";
globalThis.require = nodeModuleOfBundle.createRequire(import.meta.url);`;

/** How our programs become modules for Node 20, packages included. */
export const bundleOptions = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  banner: { js: banner },
  logLevel: "silent",
  // Comments name files relative to this folder.
  absWorkingDir: projectDir,
} as const satisfies BuildOptions;

/** The text of one module that holds a TypeScript file and all that it imports. */
export async function bundle(entry: string): Promise<string> {
  const { build } = await import("esbuild");
  const result = await build({ ...bundleOptions, entryPoints: [entry], write: false });
  return result.outputFiles[0]?.text ?? "";
}
