import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { hostPath } from "./host.ts";
import { cacheDir } from "./paths.ts";
import type { Progress } from "./progress.ts";

/**
 * Does the work while no other process holds the lock of that name.
 * The kernel's lock ends with its holder, so a killed build blocks nobody; its empty file stays in the cache.
 */
export async function withLock<T>(
  name: string,
  wait: { progress: Progress; signal: AbortSignal },
  work: () => Promise<T>,
) {
  const lock = await take(name, [], wait);
  if (!lock) throw new Error(`can't lock ${name}`);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/** Does the work if nobody holds the lock now. */
export async function ifUnlocked(name: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  const lock = await take(name, ["--nonblock"], { progress: { step() {} }, signal });
  if (!lock) return;
  try {
    await work();
  } finally {
    await lock.release();
  }
}

interface Lock {
  release(): Promise<void>;
}

/**
 * A child holds the lock for as long as its standard input is open, which is as long as this process lives.
 * It has a session of its own, so that ^C doesn't end it before the work has been undone.
 */
async function take(
  name: string,
  options: string[],
  { progress, signal }: { progress: Progress; signal: AbortSignal },
): Promise<Lock | undefined> {
  const file = cacheDir("locks", `${name}.lock`);
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const holder = spawn("flock", [...options, file, "sh", "-c", "echo locked; exec cat >/dev/null"], {
    stdio: ["pipe", "pipe", "ignore"],
    detached: true,
    env: { PATH: hostPath() },
  });
  const ended = once(holder, "exit");
  const abort = () => holder.kill();
  signal.addEventListener("abort", abort);
  const notice = setTimeout(() => progress.step("waiting for another build of the same layer"), 1000);
  try {
    const locked = await Promise.race([once(holder.stdout, "data").then(() => true), ended.then(() => false)]);
    signal.throwIfAborted();
    if (!locked) return undefined;
  } finally {
    clearTimeout(notice);
    signal.removeEventListener("abort", abort);
  }
  return {
    async release() {
      holder.stdin.end();
      await ended;
    },
  };
}
