import { readFile } from "node:fs/promises";
import { run } from "./run.ts";

/** A process that is running, or a zombie. */
export interface RunningProcess {
  /** The program's name without its folder; Linux keeps its first 15 characters. */
  name: string;
  started: Date;
}

/** The process with that number on this machine; undefined if there is none. */
export async function findProcess(pid: number): Promise<RunningProcess | undefined> {
  return process.platform === "linux" ? fromProc(pid) : fromPs(pid);
}

/** Of starttime in /proc/PID/stat, on every architecture that we run on. */
const ticksPerSecond = 100;

/** See proc(5): the name is in parentheses and may have any character. */
async function fromProc(pid: number): Promise<RunningProcess | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  const [, name, rest] = /^\d+ \((.*)\) (.*)$/s.exec(stat ?? "") ?? [];
  if (name === undefined || rest === undefined) return undefined;
  const [state, ...numbers] = rest.split(" ");
  if (state === "Z" || state === "X") return undefined;
  const uptime = Number((await readFile("/proc/uptime", "utf8")).split(" ")[0]);
  const age = uptime - Number(numbers[18]) / ticksPerSecond;
  return { name, started: new Date(Date.now() - age * 1000) };
}

async function fromPs(pid: number): Promise<RunningProcess | undefined> {
  const options = ["-p", String(pid), "-o", "stat=", "-o", "lstart=", "-o", "comm="];
  const line = await run("ps", options, { env: { LC_ALL: "C" } }).catch(() => "");
  const [, state = "", started, program] = /^(\S+)\s+(\w+ +\w+ +\d+ +[\d:]+ +\d+) +(.+)$/.exec(line.trim()) ?? [];
  if (!started || !program || state.startsWith("Z")) return undefined;
  return { name: program.slice(program.lastIndexOf("/") + 1), started: new Date(started) };
}
