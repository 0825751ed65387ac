import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { parse } from "yaml";
import { UserError } from "../../lib/errors.ts";
import { projectDir } from "../../lib/paths.ts";
import { suggestion } from "../../lib/words.ts";
import { boardOf, isBoard } from "../../steps/image/boards/catalogue.ts";
import { hostPlatform } from "../../toolchain/platform.ts";
import type { Work } from "../../toolchain/system.ts";

export const stackFileOf = (stack: string): string => path.join(projectDir, "stacks", `Pulumi.${stack}.yaml`);

/**
 * What the stack's file requires of this machine.
 * @throws UserError listing the known stacks if the file doesn't exist
 */
export async function readWork(name: string): Promise<Work> {
  const config = await readStackFile(name);
  const buildsHere = !Object.hasOwn(config, "piinit:builder");
  return { isLab: Object.hasOwn(config, "piinit:lab"), buildsHere, emulates: buildsHere && hasForeignBoard(config) };
}

/** Ignores invalid settings, which are reported later, all at once. */
function hasForeignBoard(config: Record<string, unknown>): boolean {
  const host = hostPlatform().architecture;
  const images: unknown[] = Object.values(config["piinit:images"] ?? {});
  return images.some((image) => {
    const board = (image as { board?: unknown } | null)?.board;
    return isBoard(board) && boardOf(board, host).architecture !== host;
  });
}

/** The stack's settings as its file has them, secrets encrypted; fails like `readWork`. */
export async function readStackFile(name: string): Promise<Record<string, unknown>> {
  const file = stackFileOf(name);
  if (!existsSync(file)) {
    const known = (await readdir(path.dirname(file))).flatMap((entry) => /^Pulumi\.(.+)\.yaml$/.exec(entry)?.[1] ?? []);
    throw new UserError(
      `There is no stack ${name}: stacks/Pulumi.${name}.yaml does not exist. Stacks: ${known.join(", ")}${suggestion(name, known)}`,
    );
  }
  const { config } = (parse(await readFile(file, "utf8")) ?? {}) as { config?: Record<string, unknown> | null };
  return config ?? {};
}
