import { projectDir } from "../lib/paths.ts";

/** Bundled CommonJS packages ask for Node's own modules by `require`, which a module doesn't have by itself. */
const banner = `import * as nodeModuleOfBundle from "node:module";
globalThis.require = nodeModuleOfBundle.createRequire(import.meta.url);`;

/** The text of one module for Node 20 that holds a TypeScript file and all that it imports, packages included. */
export async function bundle(entry: string): Promise<string> {
  const { build } = await import("esbuild");
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    platform: "node",
    target: "node20",
    format: "esm",
    banner: { js: banner },
    logLevel: "silent",
    // Its comments name files relative to this folder.
    absWorkingDir: projectDir,
  });
  return result.outputFiles[0]?.text ?? "";
}
