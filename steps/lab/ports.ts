import { UserError } from "../../lib/errors.ts";
import { device } from "./arguments.ts";
import type { LabMachine, LabRouter } from "./contract.ts";
import { isRouter } from "./contract.ts";
import { forwardedPort, labRouterName, type Service, services } from "./facts.ts";
import type { Ports } from "./folder.ts";
import { type Monitor, withMonitor } from "./monitor.ts";

/** The ports on the router's outer interface that lead to a machine's services or to the router's own. */
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

/** Makes a machine's services reachable on 127.0.0.1 and returns the ports by service; skips ports in use. */
export async function forwardPorts(dir: string, spec: LabMachine | LabRouter, before: Ports): Promise<Ports> {
  return await withMonitor(dir, labRouterName, async (monitor) => {
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

/** Releases the machine's host ports. */
export async function removePorts(dir: string, ports: Ports): Promise<void> {
  await withMonitor(dir, labRouterName, async (monitor) => {
    for (const port of Object.values(ports))
      await monitor.console(`hostfwd_remove ${device.outside} tcp:127.0.0.1:${port}`);
  });
}
