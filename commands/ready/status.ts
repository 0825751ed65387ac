import { leaderOf } from "./judge.ts";
import { ask, observe } from "./observe.ts";
import type { Expectation } from "./spec.ts";

/** What `./piinit status --json` tells of a cluster. */
export interface ClusterStatus {
  machines: { name: string; ip: string; reachable: boolean; hostname: string | null }[];
  /** `url` is that of the first server that answers; names are host names. */
  consul: { url: string | null; leader: string | null; peers: string[] };
  nomad: { url: string | null; leader: string | null; servers: string[]; clients: string[] };
  jobs: { id: string; status: string }[];
}

/** One look, without waiting: what does not answer is null, false or missing from a list. */
export async function clusterStatus(expectation: Expectation, signal?: AbortSignal): Promise<ClusterStatus> {
  const seen = await observe(expectation, signal);
  const both = expectation.machines.map((machine, index) => ({ machine, view: seen.machines[index] }));
  const consulServer = both.find(({ machine, view }) => machine.consulServer && view?.consul);
  const nomadServer = both.find(({ machine, view }) => machine.nomad && machine.nomad !== "client" && view?.nomad);
  const ready = seen.nomadNodes.filter(({ status }) => status === "ready");
  return {
    machines: both.map(({ machine: { name, ip }, view }) => ({
      name,
      ip,
      reachable: Boolean(view?.consul ?? view?.nomad),
      hostname: view?.consul?.name ?? null,
    })),
    consul: {
      url: consulServer?.machine.consulUrl ?? null,
      leader: leaderOf(seen.consulRaft) ?? null,
      peers: seen.consulRaft.map(({ name }) => name).sort(),
    },
    nomad: {
      url: nomadServer?.machine.nomadUrl ?? null,
      leader: leaderOf(seen.nomadRaft) ?? null,
      servers: seen.nomadRaft.map(({ name }) => name).sort(),
      clients: ready.map(({ name }) => name).sort(),
    },
    jobs: nomadServer ? await jobsAt(nomadServer.machine.nomadUrl, signal) : [],
  };
}

/** The jobs themselves, without the single runs of periodic ones. */
async function jobsAt(url: string, signal?: AbortSignal): Promise<{ id: string; status: string }[]> {
  const jobs = await ask<{ ID: string; ParentID: string; Status: string }[]>(`${url}/v1/jobs`, signal);
  return (jobs ?? []).filter(({ ParentID }) => !ParentID).map(({ ID, Status }) => ({ id: ID, status: Status }));
}
