import { createHash } from "node:crypto";
import { open, readdir, readFile, realpath, rm, stat, utimes } from "node:fs/promises";
import path from "node:path";
import { exists, writeFileWhole } from "../lib/files.ts";
import { isExecutable } from "../lib/host.ts";
import { cacheDir, projectDir } from "../lib/paths.ts";
import { quote } from "../lib/shell.ts";
import { bundle } from "./bundle.ts";
import type { PluginName } from "./versions.ts";

/** The programs that Pulumi's engine starts: the language host and the resource plugins. */
export type StandInName = "language-nodejs" | PluginName;

const sources = path.join(projectDir, "toolchain/offline");
const firstLines = "#!/bin/sh\n# piinit's stand-in for Pulumi's own plugin";

/**
 * Puts a stand-in at a program's place: two lines of shell that start Node on a bundle in the cache.
 * The bundle's name holds the digest of what it was made of, so it is made again only after a change.
 */
export async function putStandIn(name: StandInName, program: string, sourceDir = sources): Promise<void> {
  const file = cacheDir("toolchain", "stand-ins", `${name}-${await sourceDigest(sourceDir)}.mjs`);
  await makeBundle(name, file, sourceDir);
  // A cache that links to another shares its launchers, which must outlive the link.
  const launcher = `${firstLines}\nexec ${quote(process.execPath)} ${quote(await realpath(file))} "$@"\n`;
  const current = await readFile(program, "utf8").catch(() => "");
  if (current !== launcher || !(await isExecutable(program))) await writeFileWhole(program, launcher, 0o755);
}

/** Whether a program is one of ours, not the official one. */
export async function isStandIn(program: string): Promise<boolean> {
  const handle = await open(program, "r").catch(() => undefined);
  if (!handle) return false;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(firstLines.length), 0, firstLines.length, 0);
    return buffer.toString("utf8", 0, bytesRead) === firstLines;
  } finally {
    await handle.close();
  }
}

/** Whether a stand-in can start: its bundle may be gone because another checkout has made another one. */
export async function hasBundle(program: string): Promise<boolean> {
  const [bundle] = /[\w-]+\.mjs/.exec(await readFile(program, "utf8")) ?? [];
  return bundle !== undefined && (await exists(cacheDir("toolchain", "stand-ins", bundle)));
}

/** Files that are bundled with the stand-ins' own sources, or decide how; the lock file pins the packages. */
export const sharedSources = [
  "lib/deadline.ts",
  "lib/errors.ts",
  "lib/http.ts",
  "lib/json.ts",
  "lib/words.ts",
  "toolchain/bundle.ts",
  "toolchain/versions.ts",
  "package-lock.json",
];

/** Digest of everything that a stand-in is made of. */
async function sourceDigest(sourceDir: string): Promise<string> {
  const hash = createHash("sha256");
  for (const name of (await readdir(sourceDir)).sort()) {
    if (name.endsWith(".ts")) hash.update(`${name}\0`).update(await readFile(path.join(sourceDir, name)));
  }
  for (const file of sharedSources) hash.update(await readFile(path.join(projectDir, file)));
  return hash.digest("hex").slice(0, 16);
}

async function makeBundle(name: StandInName, file: string, sourceDir: string): Promise<void> {
  const folder = path.dirname(file);
  const siblings = (await readdir(folder).catch(() => [])).filter((sibling) => isBundleOf(name, sibling));
  if (siblings.includes(path.basename(file))) return utimes(file, new Date(), new Date());
  await writeFileWhole(file, await bundle(path.join(sourceDir, `${name}.ts`)));
  for (const old of siblings) await removeUnused(path.join(folder, old));
}

const monthMs = 30 * 24 * 60 * 60 * 1000;

/** Other checkouts share the cache, and an `up` of theirs that runs may start a plugin only after a while. */
async function removeUnused(bundleFile: string): Promise<void> {
  const found = await stat(bundleFile).catch(() => undefined);
  if (found && Date.now() - found.mtimeMs > monthMs) await rm(bundleFile, { force: true });
}

function isBundleOf(name: StandInName, file: string): boolean {
  return file.startsWith(`${name}-`) && /^[0-9a-f]{16}\.mjs$/.test(file.slice(name.length + 1));
}
