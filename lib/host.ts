import { existsSync } from "node:fs";
import { access, constants, open, stat } from "node:fs/promises";
import path from "node:path";
import { UserError } from "./errors.ts";
import { type RunOptions, run } from "./run.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A package of the operating system, and how to find out whether it is installed. */
export interface SystemPackage {
  /** Its name on Debian and Ubuntu. */
  debian: string;
  /** Its names on other systems, if they have it. */
  fedora?: string;
  homebrew?: string;
  programs: readonly string[];
  /** Statically linked programs; in some releases their names end in "-static". */
  staticPrograms?: readonly string[];
  /** For a package without programs: paths that show it is installed; one is enough. */
  files?: readonly string[];
}

/** Debian's folders for administrators' programs such as mke2fs, which are not on an ordinary user's PATH. */
const systemFolders = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** PATH with the administrators' folders at its end. */
export function hostPath(environment: Environment = process.env): string {
  const folders = (environment.PATH ?? "").split(path.delimiter).filter(Boolean);
  return [...new Set([...folders, ...systemFolders])].join(path.delimiter);
}

/** Runs a program of the host, also an administrators' one; see `run`. */
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

/** A statically linked program: NAME-static, as Debian up to 13 calls it, or NAME if that one is static. */
export async function findStatic(name: string, environment: Environment): Promise<string | undefined> {
  const marked = await findOnPath(`${name}-static`, environment);
  if (marked) return marked;
  const program = await findOnPath(name, environment);
  return program && (await isStatic(program)) ? program : undefined;
}

/** Whether it is a 64-bit program without an interpreter, which would load its libraries. */
async function isStatic(file: string): Promise<boolean> {
  const start = await firstBytes(file, 4096);
  if (start.toString("latin1", 0, 6) !== "\x7fELF\x02\x01") return false;
  const [at, size, count] = [Number(start.readBigUInt64LE(0x20)), start.readUInt16LE(0x36), start.readUInt16LE(0x38)];
  const interpreter = 3;
  const kinds = Array.from({ length: count }, (_, index) => start.readUInt32LE(at + index * size));
  return !kinds.includes(interpreter);
}

async function firstBytes(file: string, count: number): Promise<Buffer> {
  const handle = await open(file, "r");
  try {
    return (await handle.read(Buffer.alloc(count), 0, count, 0)).buffer;
  } finally {
    await handle.close();
  }
}

/** The packages of which the host lacks a program or the files, in the same order, each once. */
export async function missingPackages(
  needed: readonly SystemPackage[],
  environment: Environment = process.env,
): Promise<SystemPackage[]> {
  const search = { PATH: hostPath(environment) };
  const isThere = await Promise.all(needed.map((item) => isInstalled(item, search)));
  const missing = needed.filter((_, index) => !isThere[index]);
  return [...new Map(missing.map((item) => [item.debian, item])).values()];
}

async function isInstalled({ programs, staticPrograms = [], files }: SystemPackage, search: Environment) {
  const found = await Promise.all([
    ...programs.map((name) => findOnPath(name, search)),
    ...staticPrograms.map((name) => findStatic(name, search)),
  ]);
  return !found.includes(undefined) && (files?.some(existsSync) ?? true);
}

/** Fails, naming all packages that the host lacks and what they are needed for. */
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

/** The packages' programs, or for a package without programs the file that shows it is installed. */
export const contentsOf = (packages: readonly SystemPackage[]): string[] =>
  packages.flatMap(({ programs, staticPrograms = [], files = [] }) => [
    ...programs,
    ...staticPrograms,
    ...files.slice(0, 1),
  ]);

/** Fails, naming all programs that the host lacks and those of the packages that contain them. */
export async function requirePrograms(
  purpose: string,
  programs: readonly string[],
  packages: readonly SystemPackage[],
  environment: Environment = { PATH: hostPath() },
): Promise<void> {
  const found = await Promise.all(programs.map((program) => findOnPath(program, environment)));
  const missing = programs.filter((_, index) => found[index] === undefined);
  if (missing.length > 0) throw missingError(purpose, missing, packagesOf(missing, packages));
}

/** Debian's names of those of the packages that contain the programs, each once. */
export function packagesOf(programs: readonly string[], packages: readonly SystemPackage[]): string[] {
  const names = programs.map((program) => {
    const isIn = ({ programs, staticPrograms = [] }: SystemPackage) =>
      [...programs, ...staticPrograms.map((name) => `${name}-static`)].includes(program);
    const found = packages.find(isIn);
    if (!found) throw new Error(`no package is known to contain the program ${program}`);
    return found.debian;
  });
  return [...new Set(names)];
}

function missingError(purpose: string, what: readonly string[], packages: readonly string[]): UserError {
  return new UserError(
    `${purpose} needs what is not installed here: ${what.join(", ")}.\n` +
      `On Debian or Ubuntu: sudo apt-get install ${packages.join(" ")}`,
  );
}
