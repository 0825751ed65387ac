import { existsSync } from "node:fs";
import { access, constants, stat } from "node:fs/promises";
import path from "node:path";
import { UserError } from "./errors.ts";
import { packagesOf, type SystemPackage } from "./packages.ts";
import { type RunOptions, run } from "./run.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where Debian puts programs for the administrator, such as mke2fs, which an ordinary user's PATH leaves out. */
const systemFolders = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** PATH with the administrator's folders at its end. */
export function hostPath(environment: Environment = process.env): string {
  const folders = (environment.PATH ?? "").split(path.delimiter).filter(Boolean);
  return [...new Set([...folders, ...systemFolders])].join(path.delimiter);
}

/** Runs a program of the host, one for the administrator too; see `run`. */
export function runOnHost(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return run(program, args, { ...options, env: { ...options.env, PATH: hostPath() } });
}

/** The first executable file of that name in the environment's PATH. */
export async function findOnPath(name: string, environment: Environment): Promise<string | undefined> {
  for (const folder of (environment.PATH ?? "").split(path.delimiter)) {
    const file = path.join(folder || ".", name);
    if (await isExecutable(file)) return path.resolve(file);
  }
  return undefined;
}

export async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

/** Those of the packages that the host lacks a program or the files of, in the same order, each once. */
export async function missingPackages(
  needed: readonly SystemPackage[],
  environment: Environment = process.env,
): Promise<SystemPackage[]> {
  const search = { PATH: hostPath(environment) };
  const isThere = await Promise.all(needed.map((item) => isInstalled(item, search)));
  const missing = needed.filter((_, index) => !isThere[index]);
  return [...new Map(missing.map((item) => [item.debian, item])).values()];
}

async function isInstalled({ programs, files }: SystemPackage, search: Environment): Promise<boolean> {
  const found = await Promise.all(programs.map((name) => findOnPath(name, search)));
  return !found.includes(undefined) && (files?.some(existsSync) ?? true);
}

/** Fails with all packages that the host lacks, and what it wants of them. */
export async function requirePackages(
  purpose: string,
  needed: readonly SystemPackage[],
  environment: Environment = process.env,
): Promise<void> {
  const missing = await missingPackages(needed, environment);
  if (missing.length === 0) return;
  throw missingError(
    purpose,
    contentsOf(missing),
    missing.map(({ debian }) => debian),
  );
}

/** The programs of the packages, and for those without programs the file that tells that they are there. */
export const contentsOf = (packages: readonly SystemPackage[]): string[] =>
  packages.flatMap(({ programs, files = [] }) => [...programs, ...files.slice(0, 1)]);

/** Fails with all programs that the host lacks, and the packages that hold them. */
export async function requirePrograms(
  purpose: string,
  programs: readonly string[],
  environment: Environment = { PATH: hostPath() },
): Promise<void> {
  const found = await Promise.all(programs.map((program) => findOnPath(program, environment)));
  const missing = programs.filter((_, index) => found[index] === undefined);
  if (missing.length > 0) throw missingError(purpose, missing, packagesOf(missing));
}

function missingError(purpose: string, what: readonly string[], packages: readonly string[]): UserError {
  return new UserError(
    `${purpose} needs what is missing here: ${what.join(", ")}.\n` +
      `On Debian or Ubuntu: sudo apt-get install ${packages.join(" ")}`,
  );
}
