import { mkdir, readFile, rmdir } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { UserError } from "../../lib/errors.ts";

/** What a command and all that it started took. */
export interface Cost {
  /** From start to end. */
  seconds: number;
  /** Of all processors, in user space and in the kernel. */
  cpuSeconds: number;
  /** The most that its processes held at one moment, sampled. */
  memoryMiB: number;
  stdout: string;
}

/** Runs a command in a control group of its own, by which the kernel counts its processor time. It takes root. */
export async function costOf(
  command: readonly string[],
  options: { input?: string; env?: Record<string, string>; cwd?: string } = {},
): Promise<Cost> {
  const group = path.join(await controlGroups(), `piinit-bench-${process.pid}`);
  await mkdir(group);
  const enter = 'echo $$ >"$0" && exec "$@"';
  const start = performance.now();
  let peak = 0;
  const sampler = setInterval(async () => {
    peak = Math.max(peak, await memoryOf(group));
  }, 500);
  try {
    const { stdout } = await execa("sh", ["-c", enter, path.join(group, "cgroup.procs"), ...command], options);
    const seconds = (performance.now() - start) / 1000;
    const usage = /^usage_usec (\d+)/m.exec(await readFile(path.join(group, "cpu.stat"), "utf8"))?.[1];
    return { seconds, cpuSeconds: Number(usage) / 1e6, memoryMiB: peak, stdout };
  } finally {
    clearInterval(sampler);
    await rmdir(group);
  }
}

async function controlGroups(): Promise<string> {
  const mounts = (await readFile("/proc/mounts", "utf8")).split("\n").map((line) => line.split(" "));
  const folder = mounts.find(([, , type]) => type === "cgroup2")?.[1];
  if (!folder || process.getuid?.() !== 0)
    throw new UserError("Processor time is counted by control groups, version 2, which takes root.");
  return folder;
}

/** The memory of the group's processes that is in use by programs, each shared page counted once, MiB. */
async function memoryOf(group: string): Promise<number> {
  const numbers = (await readFile(path.join(group, "cgroup.procs"), "utf8").catch(() => "")).split("\n");
  const sizes = await Promise.all(
    numbers.filter(Boolean).map(async (pid) => {
      const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
      return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0) / 1024;
}
