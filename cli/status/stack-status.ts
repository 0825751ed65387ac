import { unlessSilent } from "../../lib/http.ts";
import type { AskOptions } from "../../steps/agents.ts";
import type { Expectation } from "../../steps/cluster/contract.ts";
import { type ClusterStatus, clusterStatus } from "../../steps/cluster/status.ts";
import { type JobHealth, jobHealth } from "../../steps/jobs/health.ts";
import { fullDisk } from "./full-disks.ts";
import { type ImageStatus, runningImages } from "./images.ts";

/** What `./piinit status --json` prints. */
export interface StackStatus extends Omit<ClusterStatus, "machines"> {
  /** `image` is null where no update comes over the network. */
  machines: (ClusterStatus["machines"][number] & { image: ImageStatus | null })[];
  /** Empty if Nomad has no quorum. */
  jobs: JobHealth[];
}

/**
 * Looks once at the cluster, its jobs and its machines' disks, without waiting. A job that isn't healthy and a disk that is
 * full degrade the stack.
 */
export async function stackStatus(
  expectation: Expectation,
  newest: ReadonlyMap<string, string> = new Map(),
  signal?: AbortSignal,
): Promise<StackStatus> {
  const cluster = await clusterStatus(expectation, signal);
  const asker = { access: expectation.access, signal };
  const [jobs, images, judged] = await Promise.all([
    jobsOf(cluster, asker),
    runningImages(newest, cluster.consul.url, asker),
    withFullDisks(cluster.machines, expectation, asker),
  ]);
  const machines = judged.map((machine) => ({ ...machine, image: images.get(machine.name) ?? null }));
  const isIll = jobs.some(({ status }) => status !== "healthy") || machines.some(({ problem }) => problem !== null);
  return { ...cluster, machines, state: cluster.state === "healthy" && isIll ? "degraded" : cluster.state, jobs };
}

/** Only machines that answer are asked, and what else is wrong with one goes before. */
function withFullDisks(
  machines: ClusterStatus["machines"],
  expectation: Expectation,
  asker: AskOptions,
): Promise<ClusterStatus["machines"]> {
  return Promise.all(
    machines.map(async (machine, index) => {
      const expected = expectation.machines[index];
      if (!expected || !machine.reachable || machine.problem !== null) return machine;
      return { ...machine, ...(await fullDisk(expected, asker)) };
    }),
  );
}

async function jobsOf({ consul, nomad }: ClusterStatus, asker: AskOptions): Promise<JobHealth[]> {
  if (nomad.url === null || nomad.leader === null) return [];
  return (await unlessSilent(jobHealth(nomad.url, { consulUrl: consul.url ?? undefined, ...asker }))) ?? [];
}
