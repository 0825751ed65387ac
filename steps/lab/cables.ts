import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../lib/errors.ts";
import { device } from "./arguments.ts";
import { labRouterName } from "./facts.ts";
import { fileName } from "./folder.ts";
import { type Monitor, MonitorError, withMonitor } from "./monitor.ts";

/**
 * Connects a running machine and the running router by a cable, replacing an old one.
 * The machine's end listens and the router's end calls it: QEMU 7.2 crashes when a packet comes for a listening end
 * that was plugged in a moment ago, and the router's hub always has packets. Streams, because a router writing
 * datagrams to a machine that does not yet read would be busy with nothing else.
 */
export async function connectCable(dir: string, name: string): Promise<void> {
  await withMonitor(dir, labRouterName, async (monitor) => {
    const deadline = performance.now() + plugMs;
    do {
      await plug(monitor, name);
      if (await isPlugged(monitor, name)) return;
    } while (performance.now() < deadline);
    throw new UserError(
      `The network cable between ${name} and the lab's router does not connect. Try again: ./piinit lab start ${name}`,
    );
  });
}

/** Removes the router's end of a machine's cable. */
export async function removeCable(dir: string, name: string): Promise<void> {
  await withMonitor(dir, labRouterName, (monitor) => unplug(monitor, name));
}

const plugMs = 5_000;
const callMs = 1_000;

const cableOf = (name: string) => `${device.cable}-${name}`;
const portOf = (name: string) => `${device.cablePort}-${name}`;

async function plug(monitor: Monitor, name: string): Promise<void> {
  await unplug(monitor, name);
  const addr = { type: "unix", path: fileName(name, "cable") };
  await monitor.execute("netdev_add", { type: "stream", id: cableOf(name), server: false, addr });
  await monitor.execute("netdev_add", { type: "hubport", id: portOf(name), hubid: device.hub, netdev: cableOf(name) });
}

async function unplug(monitor: Monitor, name: string): Promise<void> {
  for (const id of [portOf(name), cableOf(name)]) await ifThere(monitor.execute("netdev_del", { id }));
}

/** QEMU goes on connecting in the background after the cable was plugged in. */
async function isPlugged(monitor: Monitor, name: string): Promise<boolean> {
  const deadline = performance.now() + callMs;
  do {
    const networks = (await monitor.console("info network")).split("\n");
    if (networks.some((line) => line.includes(`${cableOf(name)}:`) && line.includes("type=stream,unix:"))) return true;
    await sleep(20);
  } while (performance.now() < deadline);
  return false;
}

async function ifThere(removal: Promise<unknown>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (!(error instanceof MonitorError && error.kind === "DeviceNotFound")) throw error;
  }
}

/** Unplugs the machine's network cable or plugs it in again; the machine notices, as with a real one. */
export async function setCarrier(dir: string, name: string, up: boolean): Promise<void> {
  await withMonitor(dir, name, (monitor) => monitor.execute("set_link", { name: device.card, up }));
}
