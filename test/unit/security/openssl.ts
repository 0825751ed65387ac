import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { run } from "../../../lib/run.ts";

/** Why there is nobody to judge our certificates; undefined if there is. */
export async function whyNoOpenssl(): Promise<string | undefined> {
  const version = await run("openssl", ["version"]).catch(() => "no such program");
  return /^OpenSSL [3-9]/.test(version)
    ? undefined
    : `needs the program openssl, version 3 or later: ${version.trim()}`;
}

/** A folder for files of openssl's. */
export interface Bench {
  /** Runs openssl there. */
  openssl(...args: string[]): Promise<string>;
  write(name: string, text: string): Promise<void>;
  remove(): Promise<void>;
}

export async function makeBench(): Promise<Bench> {
  const dir = await mkdtemp(path.join(tmpdir(), "piinit-openssl-"));
  return {
    openssl: (...args) => run("openssl", args, { cwd: dir }),
    write: (name, text) => writeFile(path.join(dir, name), text),
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}
