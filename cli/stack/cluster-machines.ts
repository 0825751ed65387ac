import { expectedMachines } from "../../components/machines.ts";
import type { Settings } from "../../components/schema/stack.ts";
import { stackDir } from "../../lib/paths.ts";
import type { Access } from "../../steps/agents.ts";
import type { Cluster, ExpectedMachine } from "../../steps/cluster/contract.ts";
import type { RunningMachine } from "../../steps/lab/contract.ts";
import { labStatus, type MachineStatus } from "../../steps/lab/lab.ts";
import { accessOf } from "../../steps/security/access.ts";
import { securityStep } from "../../steps/security/contract.ts";
import type { Stack } from "./stack.ts";
import { readState, type StackState } from "./state.ts";
import { storedSteps } from "./steps.ts";

/** A lab's virtual machines; none for a home. */
export async function virtualMachines(stack: string, { lab }: Settings): Promise<MachineStatus[]> {
  return lab ? await labStatus(stackDir(stack, "lab")) : [];
}

/** The stack's machines, a lab's at the ports that lead to those that run. */
export function machinesAt(settings: Settings, virtual: readonly MachineStatus[]): ExpectedMachine[] {
  const running = virtual.flatMap(({ name, ports }) => (ports ? [{ name, ports } as RunningMachine] : []));
  return expectedMachines(settings, running);
}

/** What opens the stack's agents; undefined before it was made. */
export function accessIn(state: StackState): Access | undefined {
  const [authority] = storedSteps(state, securityStep, "authority");
  return authority?.answer && accessOf(authority.answer);
}

/** The stack's machines as they can be reached now, and what opens their agents. */
export async function stackCluster(stack: Stack, settings: Settings): Promise<Cluster> {
  const [virtual, state] = await Promise.all([virtualMachines(stack.name, settings), readState(stack)]);
  return { machines: machinesAt(settings, virtual), access: accessIn(state) };
}
