import { type ExpectedMachine, isNomadServer } from "../steps/cluster/contract.ts";
import type { RunningMachine } from "../steps/lab/contract.ts";
import type { Settings } from "./schema/stack.ts";

/** Where a lab's machine without ports is: nobody answers there. */
const nowhere = { consul: 0, nomad: 0 };

/** The machines for the gate and `status`, at their own addresses or at the ports that lead into the lab. */
export function expectedMachines(settings: Settings, running: RunningMachine[] = []): ExpectedMachine[] {
  return settings.machines.map(({ name, ip, mac, image }) => {
    const ports = running.find((machine) => machine.name === name)?.ports ?? (settings.lab && nowhere);
    const roles = settings.images[image]?.roles;
    return {
      name,
      ip,
      mac,
      image,
      consulUrl: ports ? `https://127.0.0.1:${ports.consul}` : `https://${ip}:8501`,
      nomadUrl: ports ? `https://127.0.0.1:${ports.nomad}` : `https://${ip}:4646`,
      consulServer: roles?.consul === "server",
      nomad: roles?.nomad?.role,
    };
  });
}

/** The URLs of Consul's servers, in the stack's order. */
export function consulServers(machines: readonly ExpectedMachine[]): string[] {
  return machines.filter(({ consulServer }) => consulServer).map(({ consulUrl }) => consulUrl);
}

/** The URLs of Nomad's servers, in the stack's order. */
export function nomadServers(machines: readonly ExpectedMachine[]): string[] {
  return machines.filter(isNomadServer).map(({ nomadUrl }) => nomadUrl);
}
