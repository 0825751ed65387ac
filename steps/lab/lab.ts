import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import path from "node:path";
import { UserError } from "../../lib/errors.ts";
import { isUnfinished } from "../../lib/files.ts";
import type { Context } from "../../lib/program.ts";
import { isRouter } from "./contract.ts";
import { fileName, fileOf, type MachineRecord, type Ports, readRecords, requireRecord } from "./folder.ts";
import { keyFileOf, labKey } from "./keys.ts";
import { startMachine, stopMachine } from "./machine.ts";
import { cutPower, machineProcesses, processOf } from "./machine-processes.ts";
import { connectTo } from "./monitor.ts";
import { startRouter } from "./router-machine.ts";

/** Creates the lab's folder and its SSH key unless they exist. */
export async function createLab(dir: string): Promise<{ publicKey: string; keyFile: string }> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
  return await labKey(dir);
}

/** Kills everything that runs in the lab and removes its folder. Does nothing if there is no lab. */
export async function deleteLab(dir: string): Promise<void> {
  await refuseStrangersFolder(dir);
  await cutAllPower(dir);
  await rm(dir, { recursive: true, force: true, maxRetries: 3 });
}

/** Repeats, because a machine that was just starting may appear while the others end. */
async function cutAllPower(dir: string): Promise<void> {
  for (;;) {
    const running = await machineProcesses(dir);
    if (running.size === 0) return;
    await cutPower([...running.values()]);
  }
}

/** Makes sure that the folder, which is about to be removed, is a lab's. */
async function refuseStrangersFolder(dir: string): Promise<void> {
  if (!existsSync(dir) || existsSync(keyFileOf(dir))) return;
  // An interrupted creation leaves only the key's temporary folder.
  const others = (await readdir(dir)).filter((entry) => !isUnfinished(entry));
  if (others.length > 0)
    throw new UserError(`${dir} is not a lab's folder (it has no key of a lab): it was not removed`);
}

/** Starts the router and all machines of the lab, or one of them; leaves running ones alone. */
export async function startLab(dir: string, context: Context, name?: string): Promise<void> {
  for (const { spec } of await chosen(dir, name))
    await (isRouter(spec) ? startRouter(spec, context) : startMachine(spec, context));
}

/** Shuts down all machines and then the router, or one of them. */
export async function stopLab(dir: string, context: Context, name?: string): Promise<void> {
  const names = (await chosen(dir, name)).map(({ spec }) => spec);
  const machines = names.filter((spec) => !isRouter(spec));
  await Promise.all(machines.map((spec) => stopMachine(dir, spec.name, context)));
  for (const spec of names.filter(isRouter)) await stopMachine(dir, spec.name, context);
}

async function chosen(dir: string, name: string | undefined): Promise<MachineRecord[]> {
  return name === undefined ? await readRecords(dir) : [await requireRecord(dir, name)];
}

/** "crashed": lost power without a shutdown; "cut": runs with its network cable unplugged. */
export type MachineState = "running" | "stopped" | "crashed" | "cut";

export interface MachineStatus {
  name: string;
  state: MachineState;
  /** Of a machine that runs: QEMU's process. */
  pid?: number;
  /** Of a machine that runs: on 127.0.0.1, by service. */
  ports?: Ports;
}

/** The router and all machines of the lab; none if there is no lab. */
export async function labStatus(dir: string): Promise<MachineStatus[]> {
  const running = await machineProcesses(dir);
  return (await readRecords(dir)).map((record) => {
    const { name } = record.spec;
    const pid = running.get(name);
    const state = stateOf(record, { isRunning: pid !== undefined, hasPidFile: existsSync(fileOf(dir, name, "pid")) });
    return pid === undefined ? { name, state } : { name, state, pid, ports: record.ports };
  });
}

/** QEMU removes its pid file on a clean exit, so one without a process means a crash. */
export function stateOf(
  { isCut }: Pick<MachineRecord, "isCut">,
  seen: { isRunning: boolean; hasPidFile: boolean },
): MachineState {
  if (seen.isRunning) return isCut ? "cut" : "running";
  return seen.hasPidFile ? "crashed" : "stopped";
}

export interface Console {
  /** All output of the serial console since the machine was created. */
  log: string;
  /** Absolute path of the console's socket; too long for some programs when the folder's path is, unlike `attach`. */
  socket: string;
  /** A connection to the console: one at a time. */
  attach(): Promise<Socket>;
}

/** The serial console of a machine. */
export async function consoleOf(dir: string, name: string): Promise<Console> {
  await requireRecord(dir, name);
  return {
    log: path.resolve(fileOf(dir, name, "console")),
    socket: path.resolve(fileOf(dir, name, "serial")),
    async attach() {
      if ((await processOf(dir, name)) === undefined)
        throw new UserError(`${name} does not run. Start it: ./piinit lab start ${name}`);
      return await connectTo(dir, fileName(name, "serial"));
    },
  };
}
