import { readdir, readFile, readlink } from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** The running processes that have one of these words in their environment, their arguments or as their folder: id → program. */
export async function processesOf(words: readonly string[]): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for (const pid of (await readdir("/proc")).map(Number).filter((id) => id > 0 && id !== process.pid)) {
    const text = (name: string) => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
    const link = (name: string) => readlink(`/proc/${pid}/${name}`).catch(() => "");
    const [program, ...rest] = await Promise.all([text("cmdline"), text("environ"), link("cwd"), link("root")]);
    if (words.some((word) => [program, ...rest].some((part) => part.includes(word))))
      found.set(pid, program.replaceAll("\0", " ").slice(0, 120));
  }
  return found;
}

/** Those that still run after a while, as "PROGRAM (ID)". */
export async function processesLeft(words: readonly string[], patienceMs: number): Promise<string[]> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const left = [...(await processesOf(words))];
    if (left.length === 0 || performance.now() > end) return left.map(([pid, program]) => `${program} (${pid})`);
    await pause(200);
  }
}

/** As the loss of power does: all at once, so that none of them sees another one end. */
export async function killAll(words: readonly string[]): Promise<void> {
  for (let left = await processesOf(words); left.size > 0; left = await processesOf(words))
    for (const signal of ["SIGSTOP", "SIGKILL"] as const) for (const pid of left.keys()) signalIt(pid, signal);
}

/** A process, or a process group by its negative id; nothing where there is none any more. */
export function signalIt(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** What kinds of files are in a folder: their names, with # for each number and digest. */
export async function kindsIn(folder: string): Promise<Set<string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries.map((entry) => path.join(path.relative(folder, entry.parentPath ?? entry.path), entry.name));
  // The cache of compiled modules.
  return new Set(
    names.filter((name) => !name.startsWith("tsx-")).map((name) => name.replace(/[0-9a-f]{4,}|\d+/g, "#")),
  );
}
