import { lstat, readdir } from "node:fs/promises";
import path from "node:path";
import { cacheDir } from "../../lib/paths.ts";

/** A part of this user's cache. */
export interface CacheEntry {
  name: string;
  /** On the disk. */
  bytes: number;
  what: string;
}

const meanings: Readonly<Record<string, string>> = {
  layers: "systems of which images are made",
  debs: "Debian packages",
  toolchain: "Pulumi, Consul, Nomad and what builds them",
  tests: "what only tests use",
  uses: "which images were made of which layers",
};

/** The parts of the cache, the largest first. */
export async function listCache(): Promise<CacheEntry[]> {
  const names = await readdir(cacheDir()).catch(() => []);
  const entries = await Promise.all(
    names.map(async (name) => ({
      name,
      bytes: await allocatedBelow(cacheDir(name)),
      what: meanings[name] ?? (name.startsWith("pulumi-home") ? "Pulumi's plugins" : "other"),
    })),
  );
  return entries.sort((a, b) => b.bytes - a.bytes);
}

/** What a file or folder takes on the disk, bytes; what may not be read counts as nothing. */
export async function allocatedBelow(place: string): Promise<number> {
  const found = await lstat(place).catch(() => undefined);
  if (!found) return 0;
  const own = found.blocks * 512;
  if (!found.isDirectory()) return own;
  const names = await readdir(place).catch(() => []);
  let sum = own;
  for (const name of names) sum += await allocatedBelow(path.join(place, name));
  return sum;
}

/** " 1234 MiB", of one width. */
export const sizeText = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`.padStart(10);
