import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import type { Settings } from "../../components/schema/stack.ts";
import { UserError } from "../../lib/errors.ts";
import { exists, writeFileWhole } from "../../lib/files.ts";
import { projectDir, stackDir } from "../../lib/paths.ts";
import { progressOnStderr } from "../../lib/progress.ts";
import { interrupted } from "../../lib/terminal.ts";
import { fetchSnapshots } from "../../snapshot/fetch.ts";
import { encodeSnapshot, type Snapshot } from "../../snapshot/file.ts";
import { readPassphrase } from "../../toolchain/passphrase.ts";
import { stackCluster } from "./cluster-machines.ts";
import type { Stack } from "./stack.ts";

/** How many of those that `up` takes are kept. */
const kept = 10;

const ending = ".snapshot";
const endingOfUp = `-up${ending}`;

/** Where a stack's snapshots are unless the user names a file. */
export const snapshotsDir = (stack: string): string => stackDir(stack, "snapshots");

/** The stack's snapshots in that folder, the newest first. */
export async function snapshotsOf(stack: string): Promise<string[]> {
  const names = await readdir(snapshotsDir(stack)).catch(() => []);
  const ours = names.filter((name) => name.startsWith(`${stack}-`) && name.endsWith(ending)).sort();
  return ours.reverse().map((name) => path.join(snapshotsDir(stack), name));
}

export interface TakenSnapshot {
  file: string;
  bytes: number;
  snapshot: Snapshot;
}

/**
 * Takes a snapshot of a stack's cluster and writes it, encrypted, into a new file.
 * @param file default: one in the stack's folder, named by the time
 * @throws UserError if there is no quorum, or the file exists or can't be written
 */
export async function takeSnapshot(
  stack: Stack,
  settings: Settings,
  passphrase: string,
  file?: string,
): Promise<TakenSnapshot> {
  if (file !== undefined && (await exists(file)))
    throw new UserError(`${file} exists already, and a snapshot replaces no file. Name another one.`);
  return await writeSnapshot(stack, settings, passphrase, (time) => file ?? fileFor(stack.name, time, ending));
}

/**
 * Takes a snapshot after `up`, and keeps the ten newest of those. Never fails: what goes wrong is a line on standard
 * error.
 */
export async function snapshotAfterUp(stack: Stack, settings: Settings): Promise<void> {
  const progress = progressOnStderr();
  try {
    const passphrase = await readPassphrase(process.env);
    const { file } = await writeSnapshot(stack, settings, passphrase, (time) => fileFor(stack.name, time, endingOfUp));
    const old = (await snapshotsOf(stack.name)).filter((name) => name.endsWith(endingOfUp)).slice(kept);
    for (const name of old) await rm(name, { force: true });
    progress.step(`snapshot of Consul and Nomad: ${path.relative(projectDir, file)}`);
  } catch (error) {
    const [reason] = String(error instanceof Error ? error.message : error).split("\n");
    progress.step(`no snapshot was taken after this up: ${reason}`);
  }
}

async function writeSnapshot(
  stack: Stack,
  settings: Settings,
  passphrase: string,
  fileAt: (time: Date) => string,
): Promise<TakenSnapshot> {
  const cluster = await stackCluster(stack, settings);
  const time = new Date();
  const taken = await fetchSnapshots(cluster, interrupted);
  const snapshot = { ...taken, stack: stack.name, time, piinit: await ownVersion() };
  const bytes = await encodeSnapshot(snapshot, passphrase);
  interrupted.throwIfAborted();
  const file = fileAt(time);
  await writePrivately(file, bytes);
  return { file, bytes: bytes.length, snapshot };
}

async function writePrivately(file: string, bytes: Buffer): Promise<void> {
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFileWhole(file, bytes, 0o600);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`The snapshot can't be written: ${(error as Error).message}. Name another file.`);
  }
}

/** STACK-20261126T044512Z.snapshot in the stack's folder. */
function fileFor(stack: string, time: Date, end: string): string {
  const stamp = time
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replaceAll(/[-:]/g, "");
  return path.join(snapshotsDir(stack), `${stack}-${stamp}${end}`);
}

async function ownVersion(): Promise<string> {
  const { version } = JSON.parse(await readFile(path.join(projectDir, "package.json"), "utf8")) as { version: string };
  return version;
}
