import { expectedMachines } from "../../components/machines.ts";
import type { Settings } from "../../components/schema/stack.ts";
import { stackDir } from "../../lib/paths.ts";
import type { ExpectedMachine } from "../../steps/cluster/contract.ts";
import type { RunningMachine } from "../../steps/lab/contract.ts";
import { labStatus } from "../../steps/lab/lab.ts";

/** The stack's machines, a lab's at the ports that lead to those that run. */
export async function clusterMachines(
  { name, isLab }: { name: string; isLab: boolean },
  settings: Settings,
): Promise<ExpectedMachine[]> {
  const virtual = isLab ? await labStatus(stackDir(name, "lab")) : [];
  const running = virtual.flatMap(({ name, ports }) => (ports ? [{ name, ports } as RunningMachine] : []));
  return expectedMachines(settings, running);
}
