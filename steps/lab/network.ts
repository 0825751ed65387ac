import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../lib/errors.ts";
import { device, isRouter } from "./arguments.ts";
import { fileName, type Ports } from "./folder.ts";
import { type Monitor, MonitorError, withMonitor } from "./monitor.ts";
import { forwardedPort, type LabMachine, type LabRouter, type Service, services } from "./spec.ts";

/**
 * Lays the cable between a machine and the router, both of which run; an old one is taken away first.
 * The machine's end listens and the router's end calls it: QEMU 7.2 crashes when a packet comes for a listening end that
 * was plugged in a moment ago, and the router's hub always has packets. Streams, because a router writing datagrams to
 * a machine that does not yet read would be busy with nothing else.
 */
export async function connectCable(dir: string, name: string): Promise<void> {
  await withMonitor(dir, "router", async (monitor) => {
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

/** Takes the router's end of a machine's cable away. */
export async function removeCable(dir: string, name: string): Promise<void> {
  await withMonitor(dir, "router", (monitor) => unplug(monitor, name));
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

/** The call goes on by itself after the cable was plugged in. */
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

/** Pulls the machine's network cable, or puts it back; the machine notices, as with a real one. */
export async function setCarrier(dir: string, name: string, up: boolean): Promise<void> {
  await withMonitor(dir, name, (monitor) => monitor.execute("set_link", { name: device.card, up }));
}

/** The ports on the router's outer interface that lead to a machine's services, or to the router's own. */
export function targetsOf(spec: LabMachine | LabRouter): Ports {
  if (isRouter(spec)) return { ssh: services.ssh };
  const names = Object.keys(services) as Service[];
  return Object.fromEntries(names.map((service) => [service, forwardedPort(service, spec.ip)]));
}

/**
 * Host ports to try, best first: the one that it had, then the number that the router itself knows the service by (a
 * second lab on the same host has the next ones). Steps of 3000 keep the services' ranges apart.
 */
export function candidates(target: number, before: number | undefined): number[] {
  // No machine has the number 0 in its network: 10000 is free for the router's own SSH.
  const preferred = target === services.ssh ? 10_000 : target;
  const wanted = Array.from({ length: 15 }, (_, index) => preferred + 3000 * index);
  return before === undefined ? wanted : [before, ...wanted.filter((port) => port !== before)];
}

/** Makes a machine's services reachable on 127.0.0.1 and returns the ports by service; taken ones are avoided. */
export async function forwardPorts(dir: string, spec: LabMachine | LabRouter, before: Ports): Promise<Ports> {
  return await withMonitor(dir, "router", async (monitor) => {
    const ports: Ports = {};
    for (const [service, target] of Object.entries(targetsOf(spec)))
      ports[service] = await forward(monitor, target, before[service], `${spec.name}'s ${service}`);
    return ports;
  });
}

async function forward(monitor: Monitor, target: number, before: number | undefined, what: string): Promise<number> {
  const tried = candidates(target, before);
  if (before !== undefined) await monitor.console(`hostfwd_remove ${device.outside} tcp:127.0.0.1:${before}`);
  for (const port of tried) {
    const complaint = await monitor.console(`hostfwd_add ${device.outside} tcp:127.0.0.1:${port}-:${target}`);
    if (complaint === "") return port;
  }
  throw new UserError(`No port on 127.0.0.1 is free for ${what}; tried ${tried.join(", ")}. Free one of them.`);
}

/** Gives the machine's host ports back. */
export async function removePorts(dir: string, ports: Ports): Promise<void> {
  await withMonitor(dir, "router", async (monitor) => {
    for (const port of Object.values(ports))
      await monitor.console(`hostfwd_remove ${device.outside} tcp:127.0.0.1:${port}`);
  });
}
