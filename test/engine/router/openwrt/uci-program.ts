import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { cachedFolder } from "../../../../lib/cached-folder.ts";
import { findOnPath } from "../../../../lib/host.ts";
import { cacheDir } from "../../../../lib/paths.ts";
import { silent } from "../../../../lib/progress.ts";
import { run } from "../../../../lib/run.ts";

/** The crate that has the sources of OpenWrt's uci in it, with its command line. */
const crate = {
  name: "libuci-sys",
  version: "1.0.5",
  sha256: "544c17966d9131e80b3616783974a31b526197ca5b56948bb130eeb6c04fbaf1",
};
const sources = [
  ...["cli", "libuci", "file", "util", "delta", "parse", "blob"].map((name) => `uci/${name}.c`),
  ...["blob", "blobmsg", "utils", "md5", "vlist", "avl", "avl-cmp"].map((name) => `libubox/${name}.c`),
];

/** Says why OpenWrt's uci can't be built here, or nothing when it can. */
export async function whyNoUci(): Promise<string | undefined> {
  for (const program of ["cargo", "gcc", "tar"])
    if (!(await findOnPath(program, process.env)))
      return `${program} is not installed, which OpenWrt's uci is built with`;
  return await fetchCrate().then(
    () => undefined,
    (error: Error) => `the sources of OpenWrt's uci can't be fetched: ${error.message}`,
  );
}

/** OpenWrt's own uci for this machine, built once. */
export async function uciProgram(): Promise<string> {
  const context = { progress: silent, signal: new AbortController().signal };
  const { dir } = await cachedFolder(cacheDir("tests", `uci-${crate.version}`), context, build);
  return path.join(dir, "uci");
}

async function build(dir: string): Promise<void> {
  const source = path.join(dir, "source");
  await mkdir(source);
  await run("tar", ["xzf", await fetchCrate(), "--strip-components=1"], { cwd: source });
  await writeFile(path.join(source, "uci", "uci_config.h"), "");
  const flags = ["-O1", "-D_GNU_SOURCE", "-w", '-DUCI_PREFIX=""', "-Iuci", "-I."];
  await run("gcc", [...flags, "-o", path.join(dir, "uci"), ...sources], { cwd: source });
}

/** Lets cargo fetch it, which knows the user's mirror and proxy, and checks it. */
async function fetchCrate(): Promise<string> {
  const found = await findCrate();
  if (found) return found;
  await run("cargo", ["info", `${crate.name}@${crate.version}`], { cwd: homedir() });
  const fetched = await findCrate();
  if (fetched) return fetched;
  throw new Error(`cargo has no ${crate.name} ${crate.version} with the SHA-256 ${crate.sha256}`);
}

async function findCrate(): Promise<string | undefined> {
  const cache = path.join(process.env.CARGO_HOME || path.join(homedir(), ".cargo"), "registry", "cache");
  for (const registry of await readdir(cache).catch(() => [])) {
    const file = path.join(cache, registry, `${crate.name}-${crate.version}.crate`);
    const bytes = await readFile(file).catch(() => undefined);
    if (bytes && createHash("sha256").update(bytes).digest("hex") === crate.sha256) return file;
  }
  return undefined;
}
