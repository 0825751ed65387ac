import type { Expectation } from "./contract.ts";
import { type Finding, type Judgement, judge } from "./judge.ts";
import { type LookOptions, type Observation, observe, type RaftServer } from "./observe.ts";
import { leaderOf, serversOf, spareServers } from "./quorum.ts";

/** What `./piinit status --json` prints about the cluster. */
export interface ClusterStatus {
  /** "degraded": there is a quorum, but something is missing. */
  state: "healthy" | "degraded" | "no quorum";
  /** What is wrong with the cluster as a whole. */
  problems: Problem[];
  machines: (Reachability & { name: string; ip: string; problem: string | null; action: string | null })[];
  consul: Agents & { peers: string[] };
  nomad: Agents & { servers: string[]; clients: string[] };
}

export interface Problem {
  problem: string;
  /** What to do about it. */
  action: string;
}

interface Reachability {
  reachable: boolean;
  hostname: string | null;
}

interface Agents {
  /** Of the first server that answers. */
  url: string | null;
  leader: string | null;
  /** How many servers the stack has, and how many of them answer. */
  expected: number;
  present: number;
  /** How many more servers may fail before the quorum is lost; null if it is lost. */
  spare: number | null;
}

/** Running agents answer at once; those of machines that are off must not keep the user waiting. */
const quickMs = 1200;

/** Before it says that there is no quorum: a busy Raspberry Pi is silent for a second now and then. */
const patientMs = 3000;

/** Looks once without waiting: what does not answer is null, false or missing from a list. */
export async function clusterStatus(expectation: Expectation, signal?: AbortSignal): Promise<ClusterStatus> {
  const { seen, findings, quorum } = await lookOnceOrTwice(expectation, signal);
  const problems = findings.filter(({ machine }) => !machine).map(({ problem, action }) => ({ problem, action }));
  return {
    state: !quorum ? "no quorum" : findings.length > 0 ? "degraded" : "healthy",
    problems,
    machines: machineStatus(expectation, seen, findings),
    consul: consulStatus(expectation, seen),
    nomad: nomadStatus(expectation, seen),
  };
}

async function lookOnceOrTwice(expectation: Expectation, signal?: AbortSignal): Promise<Look> {
  const quick = await look(expectation, { timeoutMs: quickMs, signal });
  return quick.quorum ? quick : look(expectation, { timeoutMs: patientMs, signal });
}

type Look = Judgement & { seen: Observation };

async function look(expectation: Expectation, options: LookOptions): Promise<Look> {
  const seen = await observe(expectation, options);
  return { ...judge(expectation, seen), seen };
}

function machineStatus(
  { machines }: Expectation,
  seen: Observation,
  findings: readonly Finding[],
): ClusterStatus["machines"] {
  return machines.map(({ name, ip }, index) => {
    const view = seen.machines[index];
    const finding = findings.find(({ machine }) => machine?.name === name);
    return {
      name,
      ip,
      reachable: Boolean(view?.consul ?? view?.nomad),
      hostname: view?.consul?.name ?? null,
      problem: finding?.problem ?? null,
      action: finding?.action ?? null,
    };
  });
}

function consulStatus({ machines }: Expectation, seen: Observation): ClusterStatus["consul"] {
  const { expected, present } = serversOf(machines, seen).consul;
  return {
    ...agents(expected.length, present.length, seen.consulRaft),
    url: present[0]?.consulUrl ?? null,
    peers: seen.consulRaft.map(({ name }) => name).sort(),
  };
}

function nomadStatus({ machines }: Expectation, seen: Observation): ClusterStatus["nomad"] {
  const { expected, present } = serversOf(machines, seen).nomad;
  const ready = seen.nomadNodes.filter(({ status }) => status === "ready");
  return {
    ...agents(expected.length, present.length, seen.nomadRaft),
    url: present[0]?.nomadUrl ?? null,
    servers: seen.nomadRaft.map(({ name }) => name).sort(),
    clients: ready.map(({ name }) => name).sort(),
  };
}

function agents(expected: number, present: number, raft: readonly RaftServer[]): Omit<Agents, "url"> {
  return { leader: leaderOf(raft) ?? null, expected, present, spare: spareServers(raft) ?? null };
}
