import { type ChildProcess, spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../lib/errors.ts";
import type { Context } from "../../lib/program.ts";
import { printable } from "../../lib/words.ts";
import { machineArguments } from "./arguments.ts";
import type { LabMachine, LabRouter } from "./contract.ts";
import { readCommandLine } from "./disks.ts";
import { chooseAccelerator, requireEmulator } from "./emulator.ts";
import { fileOf, removeFiles } from "./folder.ts";
import { cutPower, hasEnded, processOf } from "./machine-processes.ts";
import { withMonitor } from "./monitor.ts";

/**
 * Starts QEMU for a machine that is off, and returns once it runs. QEMU outlives this program.
 * Fails with QEMU's last lines if it ends at once.
 */
export async function powerOn(spec: LabMachine | LabRouter, { progress, signal }: Context): Promise<void> {
  const { dir, name } = spec;
  const emulator = await requireEmulator();
  const commandLine = await readCommandLine(spec);
  const guest = { kernel: fileOf(dir, name, "kernel"), commandLine };
  const accelerator = await chooseAccelerator(emulator, guest, progress);
  signal.throwIfAborted();
  const args = machineArguments(spec, { machine: emulator.machine, accelerator, commandLine });
  await removeFiles(dir, name, ["pid", "monitor", "serial", "cable"]);
  progress.step(`${name}: power on (${accelerator === "kvm" ? "hardware acceleration" : "emulation"})`);
  const log = await open(fileOf(dir, name, "log"), "w", 0o600);
  try {
    // A session and files of its own: nothing ties QEMU to whoever waits for this program to end.
    const child = spawn(emulator.program, args, { cwd: dir, detached: true, stdio: ["ignore", log.fd, log.fd] });
    await untilMonitorAnswers(spec, child);
    child.unref();
  } finally {
    await log.close();
  }
}

const startDeadlineMs = 30_000;

async function untilMonitorAnswers({ dir, name }: LabMachine | LabRouter, child: ChildProcess): Promise<void> {
  let end: string | undefined;
  child.once("exit", (code, signal) => {
    end = signal ?? `exit code ${code}`;
  });
  child.once("error", (error) => {
    end = error.message;
  });
  const deadline = performance.now() + startDeadlineMs;
  while (!(await isAnswering(dir, name))) {
    if (end === undefined && performance.now() < deadline) await sleep(50);
    else throw await failedStart(dir, name, end ?? "its monitor does not answer");
  }
}

async function isAnswering(dir: string, name: string): Promise<boolean> {
  try {
    await withMonitor(dir, name, async () => {});
    return true;
  } catch {
    return false;
  }
}

async function failedStart(dir: string, name: string, reason: string): Promise<UserError> {
  const said = await lastLines(fileOf(dir, name, "log"), 8);
  return new UserError([`QEMU of ${name} did not start (${reason}):`, ...said.map((line) => `  ${line}`)].join("\n"));
}

/** The last non-empty lines of a log; none if it does not exist. */
export async function lastLines(file: string, count: number): Promise<string[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  return printable(text)
    .split("\n")
    .filter((line) => line.trim())
    .slice(-count);
}

/** How long a machine may take to shut down: emulation is slow. */
const shutdownMs = 40_000;
/** The power button is pressed again after this time, because a machine that is still booting misses it. */
const pressAgainMs = 8_000;

/** Presses the power button and waits until the machine is off; cuts its power if it does not react. */
export async function powerOff(
  dir: string,
  name: string,
  { progress, signal }: Context,
  patienceMs = shutdownMs,
): Promise<void> {
  const pid = await processOf(dir, name);
  if (pid !== undefined) {
    progress.step(`${name}: shutting down`);
    if (!(await shutDown({ dir, name, pid }, patienceMs, signal))) {
      progress.step(`${name}: does not shut down by itself, power is cut`);
      await cutPower([pid]);
    }
  }
  await removeFiles(dir, name, ["pid", "monitor", "serial", "cable"]);
}

interface Running {
  dir: string;
  name: string;
  pid: number;
}

async function shutDown({ dir, name, pid }: Running, patienceMs: number, signal: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  do {
    // QEMU may end during the session; only whether it has ended counts.
    await withMonitor(dir, name, (monitor) => monitor.execute("system_powerdown")).catch(() => {});
    const remaining = Math.max(0, deadline - performance.now());
    if (await hasEnded(pid, Math.min(pressAgainMs, remaining), signal)) return true;
    signal.throwIfAborted();
  } while (performance.now() < deadline);
  return false;
}
