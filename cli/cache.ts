import type { Command } from "commander";
import { cacheDir } from "../lib/paths.ts";
import { listCache, sizeText } from "./cache/list.ts";
import { pruneCache } from "./cache/prune.ts";

const more = `
Everything in it is downloaded or made again when it is needed, so all of it may be removed; what is made again has the packages of that day.
Builds themselves remove the layers of images that are gone, a month after their last use. Don't prune while an image is built.`;

/** Shows what this user's cache takes, and removes what no image needs. */
export function define(cache: Command): void {
  cache
    .option("--json", "as JSON")
    .addHelpText("after", more)
    .action(async ({ json }: { json?: boolean }) => {
      const entries = await listCache();
      if (json) return void process.stdout.write(`${JSON.stringify(entries)}\n`);
      for (const { name, bytes, what } of entries)
        process.stdout.write(`${sizeText(bytes)}  ${name.padEnd(12)}  ${what}\n`);
      const all = entries.reduce((sum, { bytes }) => sum + bytes, 0);
      process.stdout.write(`${sizeText(all)}  in ${cacheDir()}\n`);
    });
  cache
    .command("prune")
    .description("remove layers and packages of which no image was made that is still there")
    .action(async () => {
      const { layers, packages, bytes } = await pruneCache();
      process.stdout.write(`${sizeText(bytes).trim()} freed: ${layers} layers, ${packages} packages\n`);
    });
}
