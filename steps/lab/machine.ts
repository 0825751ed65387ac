import { existsSync } from "node:fs";
import { UserError } from "../../lib/errors.ts";
import { digest } from "../../lib/json.ts";
import type { Context } from "../../lib/program.ts";
import { agentsOf, awaitAgents, awaitAnswer, awaitQuorumWithout } from "./agents.ts";
import { connectCable, removeCable, setCarrier } from "./cables.ts";
import type { LabMachine, LabRouter, RunningMachine } from "./contract.ts";
import { isRouter } from "./contract.ts";
import { checkDisks, makeData, makeRoot } from "./disks.ts";
import { labRouterName } from "./facts.ts";
import {
  clusterOf,
  fileOf,
  type MachineRecord,
  type RecordedMachine,
  readRecord,
  readRecords,
  recordedOf,
  removeFiles,
  requireRecord,
  writeRecord,
} from "./folder.ts";
import { forgetHost } from "./keys.ts";
import { withMachine } from "./lock.ts";
import { cutPower, machineProcesses, processOf } from "./machine-processes.ts";
import { forwardPorts, removePorts } from "./ports.ts";
import { powerOff, powerOn } from "./power.ts";

/**
 * Makes the machine run as described; returns when it has power, its cable and its ports, while it still boots.
 * Leaves a machine alone that already runs like that; shuts one down first that differs.
 */
export async function startMachine(spec: LabMachine, context: Context): Promise<RunningMachine> {
  return await withMachine(spec.dir, spec.name, context, async () => {
    await requireRouter(spec);
    return await connect(await bringUp(spec, context));
  });
}

async function requireRouter({ dir, name }: LabMachine): Promise<void> {
  if ((await processOf(dir, labRouterName)) !== undefined) return;
  throw new UserError(`The lab's router does not run, so ${name} can't be reached. Start it: ./piinit lab start`);
}

/** Starts a machine with the disks that it needs; keeps what is on its data disk. */
export async function bringUp<Spec extends MachineRecord["spec"]>(
  spec: Spec,
  context: Context,
  hostKey?: string,
): Promise<MachineRecord & { spec: Spec }> {
  const { dir, name } = spec;
  const before = await readRecord(dir, name);
  if (before && isOther(before, spec)) await powerOff(dir, name, context);
  if (before && (await processOf(dir, name)) !== undefined) return { ...before, spec };

  await checkDisks(spec);
  const hasRoot = before && digest(before.spec.image) === digest(spec.image) && existsSync(fileOf(dir, name, "root"));
  if (!hasRoot) await makeRoot(spec);
  if (!existsSync(fileOf(dir, name, "data"))) {
    await forgetHost(dir, name);
    await makeData(spec, hostKey);
  }
  const record = { spec, ports: before?.ports ?? {}, isConnected: false, isCut: false };
  await writeRecord(record);
  await powerOn(spec, context);
  return record;
}

/** Connects the machine's cable and forwards its ports, unless that has been done. */
export async function connect({ spec, ...record }: MachineRecord): Promise<RunningMachine> {
  if (!record.isConnected) {
    if (!isRouter(spec)) await connectCable(spec.dir, spec.name);
    record.ports = await forwardPorts(spec.dir, spec, record.ports);
    await writeRecord({ ...record, spec, isConnected: true });
  }
  return { name: spec.name, ports: record.ports as RunningMachine["ports"] };
}

/**
 * Makes a machine run as now described (a new image, name or address) without harming its cluster: waits before it
 * starts until the other servers can do without those it replaces, and afterwards until the machine's agents are back.
 * If the others can't do without it, a machine that keeps its name runs on as it was: see `isOutdated`.
 */
export async function replaceMachine(spec: LabMachine, context: Context): Promise<RunningMachine> {
  await requireRouter(spec);
  const records = await inTheWay(spec);
  const processes = await machineProcesses(spec.dir);
  const running = records.filter((record) => processes.has(record.spec.name));
  // Machines with other secrets are no part of this one's cluster: it can't be whole before most have the new ones.
  const cluster = clusterOf(spec);
  const known = running.filter(({ spec: other }) => other.cluster === cluster);
  for (const record of known) {
    const lack = await awaitQuorumWithout({ ...record.spec, access: spec.access }, context);
    if (lack !== undefined) return keepRunning(spec, records, lack, context);
  }
  // Of two servers that exchange their places, neither is whole before the other is back: the gate waits for both.
  const agents =
    running.length === 1 ? await Promise.all(known.map(({ ports }) => agentsOf({ ports, access: spec.access }))) : [];
  for (const record of records) if (record.spec.name !== spec.name) await displace(record, context);
  const started = await startMachine(spec, context);
  await awaitAgents(spec, started.ports, agents.flat(), context);
  // The others keep the quorum until it could take part in the next one.
  if (known.length < running.length) await awaitAnswer(spec, started.ports, context);
  return started;
}

/** @throws UserError if the machine doesn't run yet, so that nothing can be kept */
function keepRunning(
  { name }: LabMachine,
  records: readonly MachineRecord[],
  lack: string,
  { progress }: Context,
): RunningMachine {
  const [own, ...others] = records;
  const why = `because without it ${lack}. See ./piinit status and mend the others`;
  if (!own || own.spec.name !== name || others.length > 0)
    throw new UserError(`${own?.spec.name ?? name} was not replaced, ${why}; then run up again.`);
  progress.step(`${name} runs on as it was, ${why}; the next up replaces it`);
  return { name, ports: own.ports as RunningMachine["ports"] };
}

/** Whether a machine runs on as it was when it was last to be replaced. */
export async function isOutdated(spec: LabMachine | LabRouter): Promise<boolean> {
  const record = await readRecord(spec.dir, spec.name);
  return record !== undefined && isOther(record, spec);
}

const isOther = (record: MachineRecord, spec: MachineRecord["spec"]) =>
  digest(record.spec) !== digest(recordedOf(spec));

/** Machines that can't run beside this one: its earlier self, and others with its MAC or address. */
async function inTheWay(spec: LabMachine): Promise<(MachineRecord & { spec: RecordedMachine })[]> {
  return (await readRecords(spec.dir)).flatMap((record) => {
    const { spec: other, ...rest } = record;
    if (isRouter(other)) return [];
    const isInTheWay =
      other.name === spec.name ? isOther(record, spec) : other.mac === spec.mac || other.ip === spec.ip;
    return isInTheWay ? [{ ...rest, spec: other }] : [];
  });
}

/**
 * Shuts a machine down and removes its record, so that it can't be started as it was. Its data disk stays, because the
 * machine is about to get another MAC or address, or to be removed under its old name.
 */
async function displace({ spec: { dir, name } }: MachineRecord, context: Context): Promise<void> {
  await withMachine(dir, name, context, async () => {
    const record = await readRecord(dir, name);
    if (!record) return;
    context.progress.step(`${name}: makes way for another machine`);
    await powerOff(dir, name, context);
    await disconnect(record);
    await removeFiles(dir, name, ["record"]);
  });
}

/** Shuts a machine or the router down, if it runs, and releases its ports. */
export async function stopMachine(dir: string, name: string, context: Context): Promise<void> {
  const record = await requireRecord(dir, name);
  await withMachine(dir, name, context, async () => {
    await powerOff(dir, name, context);
    await disconnect(record);
  });
}

/** Shuts a machine or the router down and removes its disks, ports and host key, if it exists. */
export async function removeMachine(dir: string, name: string, context: Context): Promise<void> {
  if (!existsSync(dir)) return;
  await withMachine(dir, name, context, async () => {
    const record = await readRecord(dir, name);
    await powerOff(dir, name, context);
    if (record) await disconnect(record);
    await forgetHost(dir, name);
    await removeFiles(dir, name);
  });
}

async function disconnect(record: MachineRecord): Promise<void> {
  const { dir, name } = record.spec;
  if ((await processOf(dir, labRouterName)) !== undefined) {
    await removePorts(dir, record.ports);
    if (!isRouter(record.spec)) await removeCable(dir, name);
  }
  await writeRecord({ ...record, isConnected: false, isCut: false });
}

/** Cuts a machine's power without warning; it counts as "crashed" until it is started again. */
export async function killMachine(dir: string, name: string): Promise<void> {
  await requireRecord(dir, name);
  const pid = await processOf(dir, name);
  if (pid !== undefined) await cutPower([pid]);
}

/** Unplugs a running machine's network cable. */
export async function cutMachine(dir: string, name: string, context: Context): Promise<void> {
  await setCable(dir, name, context, false);
}

/** Plugs a running machine's network cable in again. */
export async function joinMachine(dir: string, name: string, context: Context): Promise<void> {
  await setCable(dir, name, context, true);
}

async function setCable(dir: string, name: string, context: Context, up: boolean): Promise<void> {
  await requireRecord(dir, name);
  await withMachine(dir, name, context, async () => {
    if ((await processOf(dir, name)) === undefined)
      throw new UserError(
        `${name} does not run, so its cable makes no difference. Start it: ./piinit lab start ${name}`,
      );
    await setCarrier(dir, name, up);
    await writeRecord({ ...(await requireRecord(dir, name)), isCut: !up });
  });
}
