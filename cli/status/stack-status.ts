import { unlessSilent } from "../../lib/http.ts";
import type { Expectation } from "../../steps/cluster/contract.ts";
import { type ClusterStatus, clusterStatus } from "../../steps/cluster/status.ts";
import { type JobHealth, jobHealth } from "../../steps/jobs/health.ts";

/** What `./piinit status --json` prints. */
export interface StackStatus extends ClusterStatus {
  /** Empty if Nomad has no quorum. */
  jobs: JobHealth[];
}

/** Looks once at the cluster and its jobs, without waiting. A job that isn't healthy degrades the stack. */
export async function stackStatus(expectation: Expectation, signal?: AbortSignal): Promise<StackStatus> {
  const cluster = await clusterStatus(expectation, signal);
  const jobs = await jobsOf(cluster, signal);
  const isIll = cluster.state === "healthy" && jobs.some(({ status }) => status !== "healthy");
  return { ...cluster, state: isIll ? "degraded" : cluster.state, jobs };
}

async function jobsOf({ consul, nomad }: ClusterStatus, signal?: AbortSignal): Promise<JobHealth[]> {
  if (nomad.url === null || nomad.leader === null) return [];
  return (await unlessSilent(jobHealth(nomad.url, { consulUrl: consul.url ?? undefined, signal }))) ?? [];
}
