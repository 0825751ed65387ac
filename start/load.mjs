/**
 * Loads programs of ours, each compiled with all that it imports into one folder, once, because Node takes a second to compile
 * hundreds of files. The folder's name is the digest of all sources, so what runs is always what the checkout has.
 */
import { createHash } from "node:crypto";
import { accessSync, constants, readdirSync, readFileSync, utimesSync } from "node:fs";
import * as module from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

/** The programs that are compiled. */
export const programs = ["cli/main.ts", "index.ts"];

/**
 * Starts a program and returns its module. Where it can't be compiled ahead, such as in a checkout that is read-only, tsx
 * compiles each file as it is loaded.
 * @param {string} program one of `programs`
 * @returns {Promise<object>}
 */
export async function load(program) {
  const folder = path.join(project, "node_modules/.cache/piinit", digestOfSources());
  const compiled = path.join(folder, program.replace(/\.ts$/, ".js"));
  if (!isReadable(compiled)) await compile(folder);
  if (!isReadable(compiled)) return import(urlOf(program));
  markAsUsed(folder);
  keepCompiledCode(path.join(folder, "code"));
  // For lib/paths.ts: compiled files are elsewhere.
  Object.assign(globalThis, { piinitProject: project });
  return import(urlOf(compiled));
}

/** @param {string} file */
const urlOf = (file) => pathToFileURL(path.resolve(project, file)).href;

/**
 * Another user's may be there, and closed.
 * @param {string} file
 */
function isReadable(file) {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes the folder if that is possible. From here on, tsx compiles what is imported from the sources.
 * @param {string} folder
 */
async function compile(folder) {
  // @ts-expect-error It has no types.
  await import("tsx");
  const { compilePrograms } = await import("./compile.ts");
  await compilePrograms(folder).catch(() => {});
}

/**
 * Node 22.1 and newer can keep the code that it makes of files.
 * @param {string} folder
 */
function keepCompiledCode(folder) {
  if ("enableCompileCache" in module) /** @type {(folder: string) => void} */ (module.enableCompileCache)(folder);
}

/** @param {string} folder */
function markAsUsed(folder) {
  try {
    utimesSync(folder, new Date(), new Date());
  } catch {
    // It is another user's, who has made it.
  }
}

/** What decides what is compiled, and how; the lock file pins the packages. */
const others = ["index.ts", "package.json", "package-lock.json", "tsconfig.json"];
const rooms = ["burn", "cli", "components", "formats", "lib", "snapshot", "start", "steps", "toolchain"];

/** The files of which programs are made, relative to the project's folder; a compiled program is made of no others. */
export const listSources = () => [...others, ...rooms.flatMap(sourcesIn)];

/** The digest of all sources, which takes milliseconds. */
export function digestOfSources() {
  const hash = createHash("sha256");
  for (const file of listSources()) {
    const content = readFileSync(path.join(project, file));
    hash.update(`${file} ${content.length}\n`).update(content);
  }
  return hash.digest("hex").slice(0, 32);
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function sourcesIn(folder) {
  const entries = readdirSync(path.join(project, folder), { withFileTypes: true });
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return sourcesIn(name);
      return /\.(ts|mjs)$/.test(name) ? [name] : [];
    });
}
