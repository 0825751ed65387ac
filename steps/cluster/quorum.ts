import { majorityOf } from "../agents.ts";
import { type Expectation, type ExpectedMachine, isNomadClient, isNomadServer } from "./contract.ts";
import type { MachineFinding, MachineVerdict } from "./judge-machine.ts";
import type { Observation, RaftServer } from "./observe.ts";

/** The agents that answer for the cluster now. */
export interface Agents {
  consulUrl: string;
  /** Missing if no machine is a Nomad server. */
  nomadUrl?: string | undefined;
}

/**
 * An agent of Consul and one of Nomad that are part of a quorum: those of `last` as long as they are, else the first in
 * the stack's order. Undefined if either has no quorum.
 */
export function chooseAgents(
  { machines }: Pick<Expectation, "machines">,
  verdicts: readonly MachineVerdict[],
  seen: Observation,
  last?: Agents,
): Agents | undefined {
  const both = machines.map((machine, index) => ({
    machine,
    verdict: verdicts[index] ?? {},
    view: seen.machines[index],
  }));
  const consul = both
    .filter(({ machine, verdict, view }) => machine.consulServer && isFit(verdict.consul) && view?.consul?.leader)
    .map(({ machine }) => machine.consulUrl);
  const nomad = both
    .filter(
      ({ machine, verdict, view }) =>
        isNomadServer(machine) && isFit(verdict.consul ?? verdict.server) && view?.nomad?.leader,
    )
    .map(({ machine }) => machine.nomadUrl);
  const consulUrl = leaderOf(seen.consulRaft) && keep(consul, last?.consulUrl);
  if (!consulUrl) return undefined;
  if (!machines.some(isNomadServer)) return { consulUrl };
  const nomadUrl = leaderOf(seen.nomadRaft) && keep(nomad, last?.nomadUrl);
  return nomadUrl ? { consulUrl, nomadUrl } : undefined;
}

/** A server that lags passes questions on to the leader. */
const isFit = (fault: MachineFinding | undefined) => !fault || fault.isSettling;

const keep = (urls: readonly string[], last: string | undefined) => urls.find((url) => url === last) ?? urls[0];

/** Whether so many servers need another image that no quorum can come by waiting. */
export function isHopeless({ machines }: Pick<Expectation, "machines">, verdicts: readonly MachineVerdict[]): boolean {
  const servers = machines.map((machine, index) => ({ machine, verdict: verdicts[index] }));
  const consul = servers.filter(({ machine }) => machine.consulServer);
  const able = consul.filter(({ verdict }) => !verdict?.consul?.needsImage);
  return able.length < majorityOf(consul.length);
}

/** How many servers may still fail before there is no quorum; undefined if there is none. */
export function spareServers(raft: readonly RaftServer[]): number | undefined {
  if (!leaderOf(raft)) return undefined;
  const voters = raft.filter(({ voter }) => voter);
  return voters.filter(({ healthy }) => healthy).length - majorityOf(voters.length);
}

/** One finding for each agent that has no leader. */
export function judgeLeaders({ machines }: Expectation, seen: Observation): MachineFinding[] {
  const missing = (agent: string, expected: number, present: number, raft: readonly RaftServer[]): MachineFinding[] => {
    if (expected === 0 || raft.some(({ leader }) => leader)) return [];
    return [
      {
        problem: `${agent} has no leader: ${present} of ${expected} servers answer`,
        action:
          present < expected
            ? `a new cluster needs all ${expected}, an existing one ${majorityOf(expected)}`
            : "they are still electing one",
      },
    ];
  };
  const { consul, nomad } = serversOf(machines, seen);
  return [
    ...missing("Consul", consul.expected.length, consul.present.length, seen.consulRaft),
    ...missing("Nomad", nomad.expected.length, nomad.present.length, seen.nomadRaft),
  ];
}

/** The machines that are servers of each agent, and those of them that answer. */
export function serversOf(machines: readonly ExpectedMachine[], seen: Observation) {
  const both = machines.map((machine, index) => ({ machine, view: seen.machines[index] }));
  const consul = both.filter(({ machine }) => machine.consulServer);
  const nomad = both.filter(({ machine }) => isNomadServer(machine));
  const machinesOf = (servers: typeof both) => servers.map(({ machine }) => machine);
  return {
    consul: { expected: machinesOf(consul), present: machinesOf(consul.filter(({ view }) => view?.consul)) },
    nomad: { expected: machinesOf(nomad), present: machinesOf(nomad.filter(({ view }) => view?.nomad)) },
  };
}

/** "Consul 2 of 3 servers, leader pi1; Nomad 2 of 3 servers, no leader; 2 of 3 clients" */
export function summarise({ machines }: Expectation, seen: Observation): string {
  const { consul, nomad } = serversOf(machines, seen);
  const text = (
    agent: string,
    { present, expected }: { present: ExpectedMachine[]; expected: ExpectedMachine[] },
    raft: readonly RaftServer[],
  ) => {
    const leader = leaderOf(raft);
    return `${agent} ${present.length} of ${expected.length} servers, ${leader ? `leader ${leader}` : "no leader"}`;
  };
  const clients = machines.filter(isNomadClient);
  const ready = clients.filter(({ name }) =>
    seen.nomadNodes.some((node) => node.name === name && node.status === "ready"),
  );
  return [
    text("Consul", consul, seen.consulRaft),
    ...(nomad.expected.length > 0 ? [text("Nomad", nomad, seen.nomadRaft)] : []),
    ...(clients.length > 0 ? [`${ready.length} of ${clients.length} clients`] : []),
  ].join("; ");
}

/** The name of the leader, if there is one. */
export function leaderOf(raft: readonly RaftServer[]): string | undefined {
  return raft.find(({ leader }) => leader)?.name;
}
