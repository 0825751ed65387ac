import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { digest } from "../../../lib/json.ts";
import { projectDir } from "../../../lib/paths.ts";
import { quote } from "../../../lib/shell.ts";
import { bundle } from "../../../toolchain/bundle.ts";
import { mark } from "./transfer.ts";

/** The program that a builder runs: one file that needs only Node.js, and the files that the toolchain reads beside it. */
export interface BuilderProgram {
  /** The digest of all its files. */
  name: string;
  main: string;
}

/** The toolchain finds its files relative to its own. */
const mainFile = "toolchain/serve.mjs";
const toolchainFiles = "toolchain/go";

export async function builderProgram(): Promise<BuilderProgram> {
  const main = await bundle(path.join(projectDir, "steps/image/remote/serve.ts"));
  const folder = path.join(projectDir, toolchainFiles);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
  const texts = await Promise.all(
    files.toSorted().map(async (file) => [path.relative(folder, file), await readFile(file, "utf8")]),
  );
  return { name: digest([main, texts]).slice(0, 16), main };
}

/** Writes the program's files into a folder, laid out as on the builder. */
export async function writeProgram({ main }: BuilderProgram, folder: string): Promise<void> {
  await mkdir(path.join(folder, path.dirname(mainFile)), { recursive: true });
  await writeFile(path.join(folder, mainFile), main);
  await cp(path.join(projectDir, toolchainFiles), path.join(folder, toolchainFiles), { recursive: true });
}

const oldestNode = { major: 20, minor: 18 };
const unusedDays = 30;

const setFolder = ({ name }: BuilderProgram) => `code="\${XDG_CACHE_HOME:-$HOME/.cache}/piinit/builder/${name}"`;

const lacksNode = [
  `Building images needs Node.js ${oldestNode.major}.${oldestNode.minor} or newer on the PATH of commands over SSH.`,
  "On Debian 13, Ubuntu 25.04 and newer: sudo apt-get install nodejs; for others: https://nodejs.org/",
].join(" ");

const checkNode = [
  `node -e ${quote(`const [major, minor] = process.versions.node.split(".").map(Number);
    process.exitCode = major > ${oldestNode.major} || (major === ${oldestNode.major} && minor >= ${oldestNode.minor}) ? 0 : 1;`)} 2>/dev/null`,
  `{ echo ${quote(lacksNode)} >&2; exit 1; }`,
].join(" || ");

/** A command for the builder that prints the version of Node.js, or what to install. */
export const probeCommand = posixCommand(["set -eu", checkNode, `echo ${quote(mark)}"$(node -v)"`]);

/** A command for the builder that says whether the program is there and, if so, starts it. */
export function startCommand(program: BuilderProgram): string {
  return posixCommand([
    "set -eu",
    setFolder(program),
    checkNode,
    `[ -d "$code" ] || { echo ${quote(`${mark}missing`)}; exit 0; }`,
    'touch "$code"',
    `echo ${quote(`${mark}ready`)}`,
    `exec node "$code/${mainFile}" serve`,
  ]);
}

/**
 * A command for the builder that unpacks the program from a tar on standard input, completely or not at all, and removes
 * programs that have not been used for a month.
 */
export function putCommand(program: BuilderProgram): string {
  return posixCommand([
    "set -eu",
    setFolder(program),
    'mkdir -p "$(dirname "$code")"',
    `find "$(dirname "$code")" -mindepth 1 -maxdepth 1 -mtime +${unusedDays} -exec rm -rf {} +`,
    'new=$(mktemp -d "$code.XXXXXX")',
    `trap 'rm -rf "$new"' EXIT`,
    "trap 'exit 1' HUP INT TERM",
    'tar -xzf - -C "$new"',
    // Another build may have finished first.
    'mv -T "$new" "$code" 2>/dev/null || [ -d "$code" ]',
  ]);
}

/** Runs the script with a POSIX shell, whatever the user's login shell is. */
function posixCommand(statements: string[]): string {
  return `sh -c ${quote(statements.join("; "))}`;
}
