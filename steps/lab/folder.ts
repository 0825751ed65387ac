import { existsSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { UserError } from "../../lib/errors.ts";
import { writeFileWhole } from "../../lib/files.ts";
import { digest } from "../../lib/json.ts";
import { isRouter, type LabMachine, type LabRouter } from "./contract.ts";

/** A machine's files in the lab's folder: NAME plus one of these. */
const endings = {
  /** The machine's record: what it is and which host ports it has. */
  record: ".json",
  lock: ".lock",
  /** QEMU creates it and removes it on a clean exit, so one without a process means a crash. */
  pid: ".pid",
  /** QEMU's own messages. */
  log: ".log",
  /** All output of the serial console. */
  console: ".console",
  /** Sockets: QEMU's monitor, the serial console, the network cable. */
  monitor: ".qmp",
  serial: ".serial",
  cable: ".link",
  root: ".overlay.qcow2",
  data: ".data.img",
  kernel: ".vmlinuz",
  initrd: ".initrd",
  commandLine: ".cmdline",
} as const;
export type FileKind = keyof typeof endings;

/** Ports to machines' services, or to the router's SSH. */
export type Ports = Record<string, number>;

/** A machine without what opens its agents: a file of the lab only tells machines of one cluster from those of another. */
export type RecordedMachine = Omit<LabMachine, "access"> & { cluster?: string };

/** The machine as its record has it. */
export function recordedOf(spec: LabMachine | RecordedMachine | LabRouter): RecordedMachine | LabRouter {
  if (isRouter(spec) || !("access" in spec)) return spec;
  const { access: _, ...recorded } = spec;
  const cluster = clusterOf(spec);
  return { ...recorded, ...(cluster !== undefined && { cluster }) };
}

/** Tells machines of one cluster from those of another; undefined for one that lets everybody in. */
export const clusterOf = ({ access }: LabMachine): string | undefined => access && digest(access);

/** What the lab records about a machine. */
export interface MachineRecord {
  spec: RecordedMachine | LabRouter;
  /** Host ports on 127.0.0.1 by service; reused when the machine starts again. */
  ports: Ports;
  /** Its cable is connected and its ports are forwarded; false while it starts. */
  isConnected: boolean;
  /** The network cable is unplugged. */
  isCut: boolean;
}

/** A machine's file, relative to the lab's folder. */
export function fileName(name: string, kind: FileKind): string {
  return name + endings[kind];
}

/** Absolute path of a machine's file. */
export function fileOf(dir: string, name: string, kind: FileKind): string {
  return path.join(dir, fileName(name, kind));
}

/** The machine's record; undefined if it doesn't exist or can't be read. */
export async function readRecord(dir: string, name: string): Promise<MachineRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(fileOf(dir, name, "record"), "utf8")) as MachineRecord;
    // The folder may have been moved.
    return { ...record, spec: { ...record.spec, dir } };
  } catch (error) {
    if (error instanceof SyntaxError || isMissing(error)) return undefined;
    throw error;
  }
}

/** The records of all machines, the router's first, then by name. */
export async function readRecords(dir: string): Promise<MachineRecord[]> {
  if (!existsSync(dir)) return [];
  const names = (await readdir(dir)).flatMap((entry) => /^([a-z0-9-]+)\.json$/.exec(entry)?.[1] ?? []);
  const records = await Promise.all(names.map((name) => readRecord(dir, name)));
  const rank = ({ spec }: MachineRecord) => (isRouter(spec) ? "" : spec.name);
  return records.filter((record) => record !== undefined).sort((a, b) => rank(a).localeCompare(rank(b)));
}

/** The machine's record. @throws UserError listing the lab's machines if this is not one of them */
export async function requireRecord(dir: string, name: string): Promise<MachineRecord> {
  const record = await readRecord(dir, name);
  if (record) return record;
  const known = (await readRecords(dir)).map(({ spec }) => spec.name);
  throw new UserError(
    known.length === 0
      ? `The lab has no machines yet. Create them: ./piinit up`
      : `The lab has no machine ${name}. Machines: ${known.join(", ")}`,
  );
}

export function writeRecord(record: MachineRecord): Promise<void> {
  const { dir, name } = record.spec;
  const text = JSON.stringify({ ...record, spec: recordedOf(record.spec) }, null, 2);
  return writeFileWhole(fileOf(dir, name, "record"), `${text}\n`, 0o600);
}

/** Removes all of a machine's files. */
export async function removeFiles(
  dir: string,
  name: string,
  kinds = Object.keys(endings) as FileKind[],
): Promise<void> {
  await Promise.all(kinds.map((kind) => rm(fileOf(dir, name, kind), { force: true })));
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
