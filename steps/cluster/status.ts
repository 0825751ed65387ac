import { z } from "zod";
import { NoAnswer } from "../../lib/http.ts";
import { askAgent, plainText } from "../agents.ts";
import type { Expectation, ExpectedMachine } from "./contract.ts";
import { noAnswerFrom } from "./judge-machine.ts";
import { type MachineView, observe } from "./observe.ts";
import { leaderOf } from "./quorum.ts";

/** What `./piinit status --json` prints about a cluster. */
export interface ClusterStatus {
  machines: {
    name: string;
    ip: string;
    reachable: boolean;
    hostname: string | null;
    /**
     * Which agent does not answer and why, e.g. "no answer from Consul at http://192.168.2.51:8500: connection
     * refused".
     */
    problem: string | null;
  }[];
  /** `url` is that of the first server that answers; names are host names. */
  consul: { url: string | null; leader: string | null; peers: string[] };
  nomad: { url: string | null; leader: string | null; servers: string[]; clients: string[] };
  jobs: { id: string; status: string }[];
}

/** Looks once without waiting: what does not answer is null, false or missing from a list. */
export async function clusterStatus(expectation: Expectation, signal?: AbortSignal): Promise<ClusterStatus> {
  const seen = await observe(expectation, { signal });
  const both = expectation.machines.map((machine, index) => ({ machine, view: seen.machines[index] }));
  const consulServer = both.find(({ machine, view }) => machine.consulServer && view?.consul);
  const nomadServer = both.find(({ machine, view }) => machine.nomad && machine.nomad !== "client" && view?.nomad);
  const ready = seen.nomadNodes.filter(({ status }) => status === "ready");
  return {
    machines: both.map(({ machine, view }) => ({
      name: machine.name,
      ip: machine.ip,
      reachable: Boolean(view?.consul ?? view?.nomad),
      hostname: view?.consul?.name ?? null,
      problem: problemOf(machine, view),
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

function problemOf({ consulUrl, nomadUrl }: ExpectedMachine, view: MachineView | undefined): string | null {
  const { Consul, Nomad } = view?.silence ?? {};
  if (Consul) return noAnswerFrom("Consul", consulUrl, Consul);
  return Nomad ? noAnswerFrom("Nomad", nomadUrl, Nomad) : null;
}

const jobsAnswer = z.array(z.object({ ID: plainText, ParentID: plainText, Status: plainText })).nullable();

/** The jobs themselves, without the individual runs of periodic ones. */
async function jobsAt(url: string, signal?: AbortSignal): Promise<{ id: string; status: string }[]> {
  const jobs = await askAgent("Nomad", `${url}/v1/jobs`, jobsAnswer, { signal }).catch((error: unknown) => {
    if (error instanceof NoAnswer) return [];
    throw error;
  });
  return (jobs ?? []).filter(({ ParentID }) => !ParentID).map(({ ID, Status }) => ({ id: ID, status: Status }));
}
