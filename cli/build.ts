import type { Command } from "commander";
import { progressOnStderr } from "../lib/progress.ts";
import { interrupted } from "../lib/terminal.ts";
import { compress } from "../steps/image/compress.ts";
import type { BuiltImage } from "../steps/image/manifest/contract.ts";
import { buildStackImage } from "./stack/image.ts";
import { refreshPackages } from "./stack/refresh.ts";
import { prepareStack } from "./stack/stack.ts";

/** Builds one image through Pulumi, so that a later `up` reuses it. */
export function define(command: Command): void {
  command
    .argument("<image>", "an image of the stack")
    .argument("[stack]", "stack", "lab")
    .option("--refresh", "with the packages that Debian has today; the stack's other images get them with the next up")
    .option("--zstd", "also make a compressed copy, which most card writers accept")
    .option("--json", "print {path, sha256, bytes, seconds, reused} as JSON, with --zstd also compressed {path, bytes}")
    .action(async (image: string, name: string, options: { json?: boolean; refresh?: boolean; zstd?: boolean }) => {
      const stack = await prepareStack(name, (one) => one === image);
      if (options.refresh) await refreshPackages(stack, image);
      const built = await buildStackImage(stack, image);
      const compressed = options.zstd ? await compress(built.path, progressOnStderr(), interrupted) : undefined;
      process.stdout.write(
        options.json
          ? `${JSON.stringify({ ...built, ...(compressed && { compressed }) })}\n`
          : `${builtText(built)}${compressed ? `${compressed.path}\n${mebibytes(compressed.bytes)}\n` : ""}`,
      );
    });
}

const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;

function builtText({ path, sha256, bytes, seconds, reused }: BuiltImage): string {
  const from = reused.length > 0 ? `, from the cache: ${reused.join(", ")}` : "";
  return `${path}\n${mebibytes(bytes)}, sha256 ${sha256}, ${seconds} s${from}\n`;
}
