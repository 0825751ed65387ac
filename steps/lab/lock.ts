import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Context } from "../../lib/program.ts";
import { fileName } from "./folder.ts";

/**
 * Does the work while no other program works on the same machine; waits for one that does.
 * The kernel's lock on the file ends with its holder, so a program that was killed blocks nobody.
 */
export async function withMachine<T>(dir: string, name: string, context: Context, work: () => Promise<T>): Promise<T> {
  // The child holds the lock for as long as its standard input is open, which is as long as this process lives.
  const holder = spawn("flock", [fileName(name, "lock"), "sh", "-c", "echo locked; exec cat >/dev/null"], {
    cwd: dir,
    stdio: ["pipe", "pipe", "ignore"],
    detached: true,
  });
  const ended = once(holder, "exit");
  const abort = () => holder.kill();
  context.signal.addEventListener("abort", abort);
  const notice = setTimeout(() => context.progress.step(`${name}: waiting for another command on it`), 1000);
  try {
    const isLocked = await Promise.race([once(holder.stdout, "data").then(() => true), ended.then(() => false)]);
    context.signal.removeEventListener("abort", abort);
    clearTimeout(notice);
    context.signal.throwIfAborted();
    if (!isLocked) throw new Error(`can't lock ${fileName(name, "lock")} in ${dir}`);
    return await work();
  } finally {
    clearTimeout(notice);
    holder.stdin.end();
    await ended;
  }
}
