import { readdir, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { UserError } from "../../lib/errors.ts";
import { findProcess, type RunningProcess } from "../../lib/process.ts";
import { quote } from "../../lib/shell.ts";
import { interrupted } from "../../lib/terminal.ts";
import { backendFolder } from "./backend.ts";

/** What Pulumi writes into a lock: the process that is changing the stack. */
const ownerSchema = z.object({
  pid: z.number(),
  username: z.string(),
  hostname: z.string(),
  timestamp: z.iso.datetime({ offset: true }),
});

type Owner = z.infer<typeof ownerSchema>;

/**
 * A lock of a stack. "stale": its process has ended, or a power cut truncated the file. "held": its process is running.
 * "foreign": from another machine or in an unknown format, so it can't be judged.
 */
export type Lock = { file: string } & (
  | { state: "stale"; reason: string }
  | { state: "held"; owner: Owner }
  | { state: "foreign"; owner: Owner | undefined }
);

/** What judging a lock needs to know about this machine. */
export interface LockHost {
  hostname: string;
  findProcess(pid: number): Promise<RunningProcess | undefined>;
}

const thisHost: LockHost = { hostname: hostname(), findProcess };

/** The locks of a stack in a file backend; other backends have their own kind of lock, which Pulumi handles. */
export async function stackLocks(backendUrl: string, stack: string, host = thisHost): Promise<Lock[]> {
  const backend = backendFolder(backendUrl);
  if (!backend) return [];
  const folder = path.join(backend, ".pulumi", "locks", "organization", "piinit", stack);
  const names = await readdir(folder).catch(() => []);
  // The backend keeps each file's content type in an .attrs file beside it, which is no lock by itself.
  const files = names.filter((name) => !name.endsWith(".attrs")).map((name) => path.join(folder, name));
  return (await Promise.all(files.map((file) => readLock(file, host)))).flatMap((lock) => lock ?? []);
}

/** Undefined for a lock that has just been released. */
async function readLock(file: string, host: LockHost): Promise<Lock | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text === undefined ? undefined : { file, ...(await judge(text, host)) };
}

type Verdict = Lock extends infer L ? (L extends unknown ? Omit<L, "file"> : never) : never;

/** Pulumi renames a lock into place when it is complete, so one that isn't JSON comes from a power cut. */
export async function judge(text: string, host: LockHost): Promise<Verdict> {
  const content = parseJson(text);
  if (content === undefined) return { state: "stale", reason: "its file is damaged" };
  const { data: owner } = ownerSchema.safeParse(content);
  if (!owner || owner.hostname !== host.hostname) return { state: "foreign", owner };
  const holder = await host.findProcess(owner.pid);
  const isHeld = holder?.name.includes("pulumi") && !isYounger(holder, owner);
  return isHeld ? { state: "held", owner } : { state: "stale", reason: `its process ${owner.pid} has ended` };
}

/** The clock may be set while a process runs. */
const toleranceMs = 5 * 60_000;

/** Process numbers are reused: a Pulumi that started after the lock was made is another process. */
const isYounger = ({ started }: RunningProcess, { timestamp }: Owner): boolean =>
  started.getTime() > Date.parse(timestamp) + toleranceMs;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Time for a run that was interrupted a moment ago to end. */
const patienceMs = 10_000;
const pollMs = 500;

/**
 * Removes the stack's stale locks and reports each.
 * @throws UserError naming the process that holds the stack, or may hold it
 */
export async function clearLocks(backendUrl: string, stack: string, report: (line: string) => void): Promise<void> {
  const locks = await settledLocks(backendUrl, stack, report);
  const others = locks.filter(({ state }) => state !== "stale");
  if (others.length > 0) throw new UserError(others.map((lock) => describeLock(lock, stack)).join("\n"));
  for (const lock of locks) {
    await removeLock(lock.file);
    report(`removed a stale lock of stack ${stack}${lock.state === "stale" ? `: ${lock.reason}` : ""}`);
  }
}

async function settledLocks(backendUrl: string, stack: string, report: (line: string) => void): Promise<Lock[]> {
  const deadline = performance.now() + patienceMs;
  for (let isFirst = true; ; isFirst = false) {
    const locks = await stackLocks(backendUrl, stack);
    const held = locks.find(({ state }) => state === "held");
    if (held?.state !== "held" || performance.now() > deadline) return locks;
    if (isFirst) report(`waiting for process ${held.owner.pid}, which is changing stack ${stack}`);
    await sleep(pollMs, undefined, { signal: interrupted }).catch(() => interrupted.throwIfAborted());
  }
}

async function removeLock(file: string): Promise<void> {
  for (const name of [file, `${file}.attrs`]) await rm(name, { force: true });
}

/** Who holds a stack, since when, and what to do about it. */
export function describeLock(lock: Lock, stack: string): string {
  if (lock.state === "stale") return `Stack ${stack} has a stale lock (${lock.reason}): ./piinit up removes it.`;
  const { owner, file } = lock;
  const by = owner
    ? `process ${owner.pid} of ${owner.username}${lock.state === "foreign" ? ` on ${owner.hostname}` : ""}, since ${owner.timestamp}`
    : "something that can't be read here";
  const what = `Stack ${stack} is being changed by ${by}.`;
  if (lock.state === "held") return `${what} Wait for it, or end it (kill ${owner?.pid}) and try again.`;
  return `${what} If nothing changes it there any more, remove its lock and try again: rm ${quote(file)}`;
}
