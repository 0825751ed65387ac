import { readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { backendFolder } from "./backend.ts";

/** Pulumi writes a file under its name with the time in nanoseconds behind it, and then renames it. */
const temporary = /\.[0-9a-f]{16}\.tmp$/;

/**
 * The stack's files in a file backend that a Pulumi is writing, or was writing when it was killed. Locks aren't among
 * them: they are judged by their own rules, also half-written.
 */
export async function halfWrittenFiles(backendUrl: string, stack: string): Promise<string[]> {
  const backend = backendFolder(backendUrl);
  if (!backend) return [];
  const found = await Promise.all([
    filesIn(path.join(backend, ".pulumi/stacks/piinit"), `${stack}.json`),
    filesIn(path.join(backend, ".pulumi/history/piinit", stack)),
    filesIn(path.join(backend, ".pulumi/backups/piinit", stack)),
  ]);
  return found.flat();
}

async function filesIn(folder: string, prefix = ""): Promise<string[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith(prefix));
  const files = names.map((name) => path.join(folder, name));
  const areWanted = await Promise.all(files.map(isHalfWritten));
  return files.filter((_file, index) => areWanted[index]);
}

/** The content type, in JSON, is written in place; Pulumi can do without it, but not with one that is cut off. */
async function isHalfWritten(file: string): Promise<boolean> {
  if (!file.endsWith(".attrs")) return temporary.test(file);
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text !== undefined && !text.trimEnd().endsWith("}");
}

/** For files that were there before the stack was seen without a lock: only then does nobody write them any more. */
export async function removeHalfWritten(files: readonly string[]): Promise<void> {
  await Promise.all(files.map((file) => rm(file, { force: true })));
}
