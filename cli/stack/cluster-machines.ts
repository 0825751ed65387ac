import { expectedMachines } from "../../components/machines.ts";
import type { Settings } from "../../components/schema/stack.ts";
import { stackDir } from "../../lib/paths.ts";
import type { ExpectedMachine } from "../../steps/cluster/contract.ts";
import type { RunningMachine } from "../../steps/lab/contract.ts";
import { labStatus, type MachineStatus } from "../../steps/lab/lab.ts";

/** A lab's virtual machines; none for a home. */
export async function virtualMachines(stack: string, { lab }: Settings): Promise<MachineStatus[]> {
  return lab ? await labStatus(stackDir(stack, "lab")) : [];
}

/** The stack's machines, a lab's at the ports that lead to those that run. */
export function machinesAt(settings: Settings, virtual: readonly MachineStatus[]): ExpectedMachine[] {
  const running = virtual.flatMap(({ name, ports }) => (ports ? [{ name, ports } as RunningMachine] : []));
  return expectedMachines(settings, running);
}

/** The stack's machines as they can be reached now. */
export async function clusterMachines(stack: string, settings: Settings): Promise<ExpectedMachine[]> {
  return machinesAt(settings, await virtualMachines(stack, settings));
}
