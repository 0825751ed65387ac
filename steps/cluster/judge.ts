import type { NoAnswer } from "../../lib/http.ts";
import type { AgentName } from "../agents.ts";
import type { Expectation, ExpectedMachine, ReadyCluster } from "./contract.ts";
import type { ConsulView, MachineView, Member, NomadNode, NomadView, Observation, RaftServer } from "./observe.ts";

/** What is still missing, and what to do about it. */
export interface Finding {
  /** Undefined when it concerns the cluster as a whole. */
  machine?: ExpectedMachine;
  problem: string;
  action: string;
}

export interface Judgement {
  /** Set when nothing is missing. */
  ready?: ReadyCluster;
  /** In the machines' order, at most one for each machine, then the cluster's. */
  findings: Finding[];
  /** "Consul 2 of 3 servers, leader pi1; Nomad no leader" */
  summary: string;
}

/** Compares one look with what the stack expects. */
export function judge(expectation: Expectation, seen: Observation): Judgement {
  const findings = [
    ...expectation.machines.flatMap((machine, index) => {
      const fault = judgeMachine(expectation, seen, machine, seen.machines[index] ?? {});
      return fault ? [{ machine, ...fault }] : [];
    }),
    ...judgeLeaders(expectation, seen),
  ];
  const cluster = addresses(expectation);
  return { ...(findings.length === 0 && { ready: cluster }), findings, summary: summarise(expectation, seen) };
}

/** The agents that the providers talk to: always the stack's first servers, so that the address stays the same. */
function addresses({ machines }: Expectation): ReadyCluster {
  const nomadUrl = machines.find(isNomadServer)?.nomadUrl;
  return {
    consulUrl: machines.find(({ consulServer }) => consulServer)?.consulUrl ?? "",
    ...(nomadUrl !== undefined && { nomadUrl }),
  };
}

type MachineFinding = Omit<Finding, "machine">;

function judgeMachine(
  expectation: Expectation,
  seen: Observation,
  machine: ExpectedMachine,
  view: MachineView,
): MachineFinding | undefined {
  const remedy = expectation.remedy.replaceAll("NAME", machine.name).replaceAll("IMAGE", machine.image);
  return (
    judgeIdentity(expectation, seen, machine, view, remedy) ??
    (view.consul && judgeConsul(expectation, seen, machine, view.consul, remedy)) ??
    judgeNomad(expectation, seen, machine, view, remedy)
  );
}

/** Whether the expected machine has that address, which proves that the router's reservation works. */
function judgeIdentity(
  expectation: Expectation,
  seen: Observation,
  machine: ExpectedMachine,
  { consul: view, silence }: MachineView,
  remedy: string,
): MachineFinding | undefined {
  const { name, ip, mac, consulUrl } = machine;
  const action = `the router's reservation isn't in effect: check ${mac} → ${ip} (${name}) on the router, then restart the machine`;
  const wrong = (at: string, calledItself: string): MachineFinding => ({
    problem:
      at === ip
        ? `${at} calls itself ${calledItself} instead of ${name}`
        : `${calledItself} has ${at} instead of ${ip}`,
    action,
  });
  if (view) return view.name === name && view.ip === ip ? undefined : wrong(view.ip, view.name);
  const members = seen.machines.flatMap(({ consul }) => consul?.members.filter(({ alive }) => alive) ?? []);
  const elsewhere = members.find((member) => member.name === name && member.ip !== ip);
  if (elsewhere) return wrong(elsewhere.ip, name);
  const problem = noAnswerFrom("Consul", consulUrl, silence?.Consul);
  if (silence?.Consul?.isStranger) return { problem, action: `${ip} belongs to something else: ${action}` };
  return { problem, action: `${remedy}${strangers(expectation, members)}` };
}

/** "no answer from Consul at http://192.168.2.51:8500: connection refused" */
export function noAnswerFrom(agent: AgentName, url: string, silence: NoAnswer | undefined): string {
  return `no answer from ${agent} at ${url}${silence ? `: ${silence.message}` : ""}`;
}

/** A machine that got another name joins the cluster as one that the stack does not know. */
function strangers({ machines }: Expectation, members: readonly Member[]): string {
  const known = new Set(machines.map(({ name }) => name));
  const unknown = new Map(members.filter(({ name }) => !known.has(name)).map(({ name, ip }) => [name, ip]));
  if (unknown.size === 0) return "";
  const list = [...unknown].map(([name, ip]) => `${ip} calls itself ${name}`).join(", ");
  return `; or is it one of these: ${list}? Then the router's reservation isn't in effect`;
}

function judgeConsul(
  expectation: Expectation,
  seen: Observation,
  machine: ExpectedMachine,
  view: ConsulView,
  remedy: string,
): MachineFinding | undefined {
  const { datacenter } = expectation;
  if (view.datacenter !== datacenter)
    return {
      problem: `its Consul is of the datacenter ${view.datacenter}, the stack's is ${datacenter}`,
      action: `its image is of another stack or of older settings: ${remedy}`,
    };
  if (view.server !== machine.consulServer)
    return {
      problem: `its Consul is a ${view.server ? "server" : "client"}, in the stack it is a ${machine.consulServer ? "server" : "client"}`,
      action: `it runs another image than "${machine.image}": ${remedy}`,
    };
  const members = bestView(seen.machines.map(({ consul }) => consul))?.members ?? [];
  const fault =
    judgeMembership("Consul", 8301, machine, view, members, remedy) ??
    (machine.consulServer ? judgeRaft("Consul", machine, seen.consulRaft) : undefined);
  return fault && (afterRename("consul force-leave -prune", fault, machine, view.id, members) ?? fault);
}

function judgeNomad(
  expectation: Expectation,
  seen: Observation,
  machine: ExpectedMachine,
  view: MachineView,
  remedy: string,
): MachineFinding | undefined {
  if (!machine.nomad) return undefined;
  if (!view.nomad)
    return {
      problem: noAnswerFrom("Nomad", machine.nomadUrl, view.silence?.Nomad),
      action: `its Consul answers, so check on the machine: journalctl -u nomad`,
    };
  const members = bestView(seen.machines.map(({ nomad }) => nomad))?.members ?? [];
  const fault = isNomadServer(machine)
    ? (judgeMembership("Nomad", 4648, machine, view.nomad, members, remedy) ??
      judgeRaft("Nomad", machine, seen.nomadRaft))
    : undefined;
  if (fault) return afterRename("nomad server force-leave -prune", fault, machine, view.nomad.id, members) ?? fault;
  return isNomadClient(machine) ? judgeNode(expectation, machine, seen) : undefined;
}

/** A server that once joined under a wrong name can't join under the right one while the wrong one is listed. */
function afterRename(
  command: string,
  { problem }: MachineFinding,
  { name }: ExpectedMachine,
  id: string,
  members: readonly Member[],
): MachineFinding | undefined {
  const earlier = members.find((member) => member.id === id && member.name !== name);
  if (!earlier) return undefined;
  return {
    problem: `${problem}: it is still listed under its earlier name, ${earlier.name}`,
    action: `make a server forget that name: ${command} ${earlier.fullName}`,
  };
}

/**
 * Both ways: for some seconds after a restart the others still list a machine that itself sees nobody, and a leader
 * still counts it, because Raft does not use the gossip key.
 */
function judgeMembership(
  agent: AgentName,
  port: number,
  { name }: ExpectedMachine,
  view: ConsulView | NomadView,
  members: readonly Member[],
  remedy: string,
): MachineFinding | undefined {
  const alive = members.filter((member) => member.alive).map((member) => member.name);
  const seesOthers = view.members.some((member) => member.alive && member.name !== name);
  if (alive.includes(name) && (seesOthers || alive.length === 1)) return undefined;
  return {
    problem: `its ${agent} runs, but has not joined the others`,
    action: `its image may be of another stack, with another gossip key (${remedy}), or port ${port} is closed between the machines`,
  };
}

/** Without a leader nobody knows who is a voter: that is one finding for the cluster, not one per machine. */
function judgeRaft(
  agent: AgentName,
  { name }: ExpectedMachine,
  raft: readonly RaftServer[],
): MachineFinding | undefined {
  const server = raft.find((one) => one.name === name);
  if (raft.length === 0 || (server?.voter && server.healthy)) return undefined;
  const state = !server ? "is not yet one of the voters" : server.voter ? "lags behind the leader" : "may not vote yet";
  return {
    problem: `its ${agent} server ${state}`,
    action: `check on the machine: journalctl -u ${agent.toLowerCase()}`,
  };
}

/** A name may have several nodes: the machine's earlier lives stay listed as down for a while. */
function judgeNode(
  { datacenter }: Expectation,
  { name }: ExpectedMachine,
  { nomadNodes, nomadRaft }: Observation,
): MachineFinding | undefined {
  const lives = nomadNodes.filter((node) => node.name === name);
  const node =
    lives.find(({ status }) => status === "ready") ?? lives.find(({ status }) => status !== "down") ?? lives[0];
  if (nomadRaft.length === 0 || (node && isUsable(node, datacenter))) return undefined;
  if (node?.status === "ready" && node.datacenter !== datacenter)
    return {
      problem: `its Nomad is of the datacenter ${node.datacenter}, the stack's is ${datacenter}`,
      action: "its image is of another stack or of older settings: build and burn it again",
    };
  if (node?.status === "ready")
    return {
      problem: "its Nomad client takes no jobs (ineligible)",
      action: `nomad node eligibility -enable $(nomad node status -quiet -filter 'Name == "${name}"')`,
    };
  return {
    problem: `its Nomad client is ${node ? node.status : "not registered"}`,
    action: "ask the machine why: journalctl -u nomad",
  };
}

function isUsable(node: NomadNode, datacenter: string): boolean {
  return node.status === "ready" && node.eligible && node.datacenter === datacenter;
}

function judgeLeaders({ machines }: Expectation, seen: Observation): MachineFinding[] {
  const missing = (agent: string, expected: number, present: number, raft: readonly RaftServer[]): MachineFinding[] => {
    if (expected === 0 || raft.some(({ leader }) => leader)) return [];
    const quorum = Math.floor(expected / 2) + 1;
    return [
      {
        problem: `${agent} has no leader: ${present} of ${expected} servers answer`,
        action:
          present < expected
            ? `a new cluster needs all ${expected}, an existing one ${quorum}`
            : "they are still electing one",
      },
    ];
  };
  const { consul, nomad } = countServers(machines, seen);
  return [
    ...missing("Consul", consul.expected, consul.present, seen.consulRaft),
    ...missing("Nomad", nomad.expected, nomad.present, seen.nomadRaft),
  ];
}

function countServers(machines: readonly ExpectedMachine[], seen: Observation) {
  const both = machines.map((machine, index) => ({ machine, view: seen.machines[index] }));
  const consul = both.filter(({ machine }) => machine.consulServer);
  const nomad = both.filter(({ machine }) => isNomadServer(machine));
  return {
    consul: { expected: consul.length, present: consul.filter(({ view }) => view?.consul).length },
    nomad: { expected: nomad.length, present: nomad.filter(({ view }) => view?.nomad).length },
  };
}

function summarise({ machines }: Expectation, seen: Observation): string {
  const counts = countServers(machines, seen);
  const text = (
    agent: string,
    { present, expected }: { present: number; expected: number },
    raft: readonly RaftServer[],
  ) => {
    const leader = leaderOf(raft);
    return `${agent} ${present} of ${expected} servers, ${leader ? `leader ${leader}` : "no leader"}`;
  };
  const clients = machines.filter(isNomadClient);
  const ready = clients.filter(({ name }) =>
    seen.nomadNodes.some((node) => node.name === name && node.status === "ready"),
  );
  return [
    text("Consul", counts.consul, seen.consulRaft),
    ...(counts.nomad.expected > 0 ? [text("Nomad", counts.nomad, seen.nomadRaft)] : []),
    ...(clients.length > 0 ? [`${ready.length} of ${clients.length} clients`] : []),
  ].join("; ");
}

/** The name of the leader, if there is one. */
export function leaderOf(raft: readonly RaftServer[]): string | undefined {
  return raft.find(({ leader }) => leader)?.name;
}

/** The view to trust for the cluster: one that knows a leader, else the one with the most members. */
function bestView<T extends { leader: string; members: Member[] }>(views: readonly (T | undefined)[]): T | undefined {
  const weight = (view: T) => (view.leader ? 1000 : 0) + view.members.filter(({ alive }) => alive).length;
  return views.reduce((best, view) => (view && (!best || weight(view) > weight(best)) ? view : best), undefined);
}

function isNomadServer({ nomad }: ExpectedMachine): boolean {
  return nomad === "server" || nomad === "both";
}

function isNomadClient({ nomad }: ExpectedMachine): boolean {
  return nomad === "client" || nomad === "both";
}
