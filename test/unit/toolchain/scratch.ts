import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Progress } from "../../../lib/progress.ts";
import { setEnvironment } from "../../environment.ts";

const variables = ["XDG_CACHE_HOME", "XDG_CONFIG_HOME"] as const;

/** A folder for one test, with the cache and the configuration inside of it. */
export interface Scratch {
  dir: string;
  /** Names in the toolchain's cache, hidden ones too. */
  cached(): Promise<string[]>;
  remove(): Promise<void>;
}

export async function makeScratch(): Promise<Scratch> {
  const dir = await mkdtemp(path.join(tmpdir(), "piinit-toolchain-"));
  const restore = setEnvironment(Object.fromEntries(variables.map((name) => [name, path.join(dir, name)])));
  return {
    dir,
    cached: () => readdir(path.join(dir, "XDG_CACHE_HOME", "piinit", "toolchain")).catch(() => []),
    async remove() {
      restore();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Keeps the lines that a user would see. */
export function recorder(): Progress & { lines: string[] } {
  const lines: string[] = [];
  return { lines, step: (text) => lines.push(text) };
}
