import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { parseDocument } from "yaml";
import { longForms } from "../../components/short-forms.ts";
import { UserError } from "../../lib/errors.ts";
import { projectDir } from "../../lib/paths.ts";
import { suggestion } from "../../lib/words.ts";
import { boardOf, isBoard } from "../../steps/image/boards/catalogue.ts";
import { hostPlatform } from "../../toolchain/platform.ts";
import type { Work } from "../../toolchain/system.ts";

const namespace = "piinit:";

export const stackFileOf = (stack: string): string => path.join(projectDir, "stacks", `Pulumi.${stack}.yaml`);

/**
 * What the stack's file requires of this machine.
 * @throws UserError listing the known stacks if the file doesn't exist, or naming the place where it isn't YAML
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
  const config = mapOf((await readStackDocument(name)).config);
  const { settings } = longForms(ownSettings(config));
  const long = Object.entries(settings).map(([key, value]) => [namespace + key, value]);
  return { ...config, ...Object.fromEntries(long) };
}

/** The settings below `piinit:` as they were written, texts in place of maps too; fails like `readWork`. */
export const readWritten = async (name: string): Promise<Record<string, unknown>> =>
  ownSettings(mapOf((await readStackDocument(name)).config));

function ownSettings(config: Record<string, unknown>): Record<string, unknown> {
  const ours = Object.entries(config).filter(([key]) => key.startsWith(namespace));
  return Object.fromEntries(ours.map(([key, value]) => [key.slice(namespace.length), value]));
}

/** All that the stack's file has, settings and what Pulumi adds; fails like `readWork`. */
export async function readStackDocument(name: string): Promise<Record<string, unknown>> {
  const file = stackFileOf(name);
  if (!existsSync(file)) {
    const known = (await readdir(path.dirname(file))).flatMap((entry) => /^Pulumi\.(.+)\.yaml$/.exec(entry)?.[1] ?? []);
    throw new UserError(
      `There is no stack ${name}: stacks/Pulumi.${name}.yaml does not exist. Stacks: ${known.join(", ")}${suggestion(name, known)}`,
    );
  }
  const document = parseDocument(await readFile(file, "utf8"), { logLevel: "silent" });
  try {
    if (document.errors[0]) throw document.errors[0];
    return mapOf(document.toJS()); // Fails at an alias of nothing.
  } catch (error) {
    // The line that is wrong comes next, but it may have a secret in it.
    const [reason = ""] = (error as Error).message.split("\n", 1);
    throw new UserError(`stacks/Pulumi.${name}.yaml is not YAML: ${reason.replace(/:$/, "")}. Correct it there.`);
  }
}

/** What is something else is reported with the other invalid settings. */
const mapOf = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
