import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../lib/errors.ts";
import { fileName } from "./folder.ts";

/**
 * The QEMU processes of a lab, by machine name.
 * Found by what they are (working folder and arguments) and not by a number in a file, which another process may have
 * by now; so a process is found as well when its pid file is lost, or the whole folder.
 */
export async function machineProcesses(dir: string, proc = "/proc"): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const folder = await realFolder(dir);
  const pids = (await readdir(proc).catch(noneWithoutLinux)).filter((entry) => /^\d+$/.test(entry));
  await Promise.all(
    pids.map(async (pid) => {
      try {
        if (!isFolder(await readlink(path.join(proc, pid, "cwd")), folder)) return;
        const name = machineOf((await readFile(path.join(proc, pid, "cmdline"), "utf8")).split("\0"));
        if (name) found.set(name, Number(pid));
      } catch {
        // It has ended meanwhile or belongs to another user.
      }
    }),
  );
  return found;
}

/** The lab runs on Linux; elsewhere there is no /proc, and no machine. */
function noneWithoutLinux(error: NodeJS.ErrnoException): string[] {
  if (error.code !== "ENOENT") throw error;
  return [];
}

/** The pid of the machine's QEMU, if it runs. */
export async function processOf(dir: string, name: string): Promise<number | undefined> {
  return (await machineProcesses(dir)).get(name);
}

/** The folder without symbolic links, even if it no longer exists. */
async function realFolder(dir: string): Promise<string> {
  const parent = path.dirname(path.resolve(dir));
  return realpath(dir).catch(async () => path.join(await realpath(parent).catch(() => parent), path.basename(dir)));
}

function isFolder(workingFolder: string, folder: string): boolean {
  return workingFolder === folder || workingFolder === `${folder} (deleted)`;
}

/** The machine whose QEMU has these arguments. */
export function machineOf(argv: readonly string[]): string | undefined {
  const name = argv[argv.indexOf("-name") + 1];
  return name && argv[argv.indexOf("-pidfile") + 1] === fileName(name, "pid") ? name : undefined;
}

/** Waits until a process has ended; false if it hasn't by the time limit or the signal. */
export async function hasEnded(pid: number, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (await holdsFiles(pid)) {
    if (signal?.aborted || performance.now() > deadline) return false;
    await sleep(100);
  }
  return true;
}

/** QEMU has many threads: its files and ports are free only when the last one is gone, not just the first. */
async function holdsFiles(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // See proc(5); the name in parentheses may have spaces.
  const [state, ...numbers] = stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
  const threads = Number(numbers[16]);
  return state !== undefined && !(state === "Z" && threads <= 1);
}

const endMs = 10_000;

/** Kills processes, as a power cut would, and waits for their end; one may have ended already. */
export async function cutPower(pids: readonly number[]): Promise<void> {
  for (const pid of pids)
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  for (const pid of pids)
    if (!(await hasEnded(pid, endMs)))
      throw new UserError(`Process ${pid}, a machine of the lab, can't be ended: is its disk stuck?`);
}
