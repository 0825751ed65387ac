import { mkdir } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { UserError } from "./errors.ts";
import { hostPath } from "./host.ts";
import { cacheDir } from "./paths.ts";
import type { Context } from "./program.ts";

/** Does the work while holding the cache's lock of that name; the lock's empty file stays. */
export async function withLock<T>(name: string, context: Context, work: () => Promise<T>): Promise<T> {
  return await withLockOn(
    await cachedLock(name),
    `waiting for another command, which is making ${name.replace(/^\./, "")}`,
    context,
    work,
  );
}

/**
 * Does the work while holding the lock on that file, which is created if its folder exists.
 * The kernel releases the lock with its holder, so a killed program blocks nobody.
 * @param notice what to report if waiting takes a while
 */
export async function withLockOn<T>(
  file: string,
  notice: string,
  { progress, signal }: Context,
  work: () => Promise<T>,
): Promise<T> {
  const timer = setTimeout(() => progress.step(notice), 1000);
  const { release, refusal } = await take(file, [], signal).finally(() => clearTimeout(timer));
  if (refusal !== undefined) throw new UserError(`Can't lock ${file}: ${refusal}`);
  return await work().finally(release);
}

/** Does the work only if the cache's lock of that name is free. */
export async function ifUnlocked(name: string, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  const { release, refusal } = await take(await cachedLock(name), ["--nonblock"], signal);
  if (refusal === undefined) await work().finally(release);
}

async function cachedLock(name: string): Promise<string> {
  const file = cacheDir("locks", `${name}.lock`);
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  return file;
}

interface Lock {
  release(): Promise<void>;
  /** Why the lock was not acquired. */
  refusal?: string;
}

/**
 * A child holds the lock as long as its standard input is open, that is, as long as this process lives.
 * It has its own session, so that ^C doesn't end it before the work has been undone.
 */
async function take(file: string, options: string[], signal: AbortSignal): Promise<Lock> {
  signal.throwIfAborted();
  const holder = execa("flock", [...options, file, "sh", "-c", "echo locked; exec cat >/dev/null"], {
    stdin: "pipe",
    detached: true,
    reject: false,
    env: { PATH: hostPath() },
    extendEnv: false,
  });
  const abort = () => holder.kill();
  signal.addEventListener("abort", abort);
  const isHeld = await new Promise<boolean>((resolve) => {
    holder.stdout.once("data", () => resolve(true));
    holder.then(() => resolve(false));
  });
  signal.removeEventListener("abort", abort);
  const release = async () => {
    holder.stdin.end();
    await holder;
  };
  if (signal.aborted) await release();
  signal.throwIfAborted();
  if (isHeld) return { release };
  const { stderr, shortMessage } = await holder;
  return { release, refusal: stderr || shortMessage || "it is locked" };
}
