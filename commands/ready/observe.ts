import type { Expectation, ExpectedMachine } from "./spec.ts";

/** One look at a cluster, without a judgement: what each machine's own agents and the leaders said. */
export interface Observation {
  /** In the expectation's order. */
  machines: MachineView[];
  /** Servers of the Raft cluster as its leader sees them; empty where there is no leader. */
  consulRaft: RaftServer[];
  nomadRaft: RaftServer[];
  /** Nomad's clients, old lives of a machine included; empty where there is no leader. */
  nomadNodes: NomadNode[];
}

export interface MachineView {
  /** Undefined when it did not answer. */
  consul?: ConsulView | undefined;
  /** Undefined when it did not answer, or is not expected to run. */
  nomad?: NomadView | undefined;
}

export interface ConsulView {
  /** The agent's own, kept over restarts and changes of its name. */
  id: string;
  name: string;
  ip: string;
  datacenter: string;
  server: boolean;
  /** "address:port", or "" when it knows none. */
  leader: string;
  members: Member[];
}

export interface NomadView {
  /** Of a server, kept over restarts; "" on a machine that is no server itself. */
  id: string;
  leader: string;
  /** Servers that it sees; empty on a machine that is no server itself. */
  members: Member[];
}

export interface Member {
  id: string;
  /** Host name. */
  name: string;
  /** As the agents' own commands take it. */
  fullName: string;
  ip: string;
  alive: boolean;
}

export interface RaftServer {
  name: string;
  voter: boolean;
  healthy: boolean;
  leader: boolean;
}

export interface NomadNode {
  name: string;
  ip: string;
  datacenter: string;
  /** "initializing", "ready", "down" or "disconnected". */
  status: string;
  eligible: boolean;
}

/** How long one answer may take. */
const requestMs = 5000;

/** Asks all machines at once; never fails because one of them does not answer. */
export async function observe(expectation: Expectation, signal?: AbortSignal): Promise<Observation> {
  const { machines } = expectation;
  const views = await Promise.all(
    machines.map(async (machine): Promise<MachineView> => {
      const [consul, nomad] = await Promise.all([lookAtConsul(machine, signal), lookAtNomad(machine, signal)]);
      return { consul, nomad };
    }),
  );
  const consulUrl = machines[views.findIndex(({ consul }) => consul?.leader)]?.consulUrl;
  const nomadUrl = machines[views.findIndex(({ nomad }) => nomad?.leader)]?.nomadUrl;
  const [consulRaft, nomadRaft, nomadNodes] = await Promise.all([
    consulUrl ? lookAtRaft(consulUrl, signal) : [],
    nomadUrl ? lookAtRaft(nomadUrl, signal) : [],
    nomadUrl ? lookAtNodes(nomadUrl, signal) : [],
  ]);
  return { machines: views, consulRaft, nomadRaft, nomadNodes };
}

interface ListedMember<Status> {
  Name: string;
  Addr: string;
  Status: Status;
  Tags: { id?: string } | null;
}

function toMember({ Name, Addr, Tags }: ListedMember<unknown>, alive: boolean): Member {
  return { id: Tags?.id ?? "", name: withoutRegion(Name), fullName: Name, ip: Addr, alive };
}

interface ConsulSelf {
  Config: { NodeID: string; NodeName: string; Datacenter: string; Server: boolean };
  Member: { Addr: string };
}

async function lookAtConsul({ consulUrl }: ExpectedMachine, signal?: AbortSignal): Promise<ConsulView | undefined> {
  const [self, leader, members] = await Promise.all([
    ask<ConsulSelf>(`${consulUrl}/v1/agent/self`, signal),
    ask<string>(`${consulUrl}/v1/status/leader`, signal),
    ask<ListedMember<number>[]>(`${consulUrl}/v1/agent/members`, signal),
  ]);
  if (!self) return undefined;
  return {
    id: self.Config.NodeID,
    name: self.Config.NodeName,
    ip: self.Member.Addr,
    datacenter: self.Config.Datacenter,
    server: self.Config.Server,
    leader: leader ?? "",
    members: (members ?? []).map((member) => toMember(member, member.Status === 1)),
  };
}

interface NomadSelf {
  member: { Tags?: { id?: string } | null } | null;
}

async function lookAtNomad(machine: ExpectedMachine, signal?: AbortSignal): Promise<NomadView | undefined> {
  if (!machine.nomad) return undefined;
  const url = machine.nomadUrl;
  const isServer = machine.nomad !== "client";
  const [self, leader, members] = await Promise.all([
    ask<NomadSelf>(`${url}/v1/agent/self`, signal),
    ask<string>(`${url}/v1/status/leader`, signal),
    isServer ? ask<{ Members: ListedMember<string>[] }>(`${url}/v1/agent/members`, signal) : undefined,
  ]);
  if (!self) return undefined;
  return {
    id: self.member?.Tags?.id ?? "",
    leader: leader ?? "",
    members: (members?.Members ?? []).map((member) => toMember(member, member.Status === "alive")),
  };
}

interface Autopilot {
  Servers: { Name: string; Voter: boolean; Healthy: boolean; Leader: boolean }[] | null;
}

async function lookAtRaft(url: string, signal?: AbortSignal): Promise<RaftServer[]> {
  const health = await ask<Autopilot>(`${url}/v1/operator/autopilot/health`, signal);
  return (health?.Servers ?? []).map(({ Name, Voter, Healthy, Leader }) => ({
    name: withoutRegion(Name),
    voter: Voter,
    healthy: Healthy,
    leader: Leader,
  }));
}

interface NodeStub {
  Name: string;
  Address: string;
  Datacenter: string;
  Status: string;
  SchedulingEligibility: string;
}

async function lookAtNodes(url: string, signal?: AbortSignal): Promise<NomadNode[]> {
  const nodes = await ask<NodeStub[]>(`${url}/v1/nodes`, signal);
  return (nodes ?? []).map(({ Name, Address, Datacenter, Status, SchedulingEligibility }) => ({
    name: Name,
    ip: Address,
    datacenter: Datacenter,
    status: Status,
    eligible: SchedulingEligibility === "eligible",
  }));
}

/** Nomad calls a server NAME.REGION; a host name has no dot. */
function withoutRegion(name: string): string {
  return name.split(".")[0] ?? name;
}

/** The JSON at a URL, or undefined for whatever reason there is none. Autopilot says 429 when it is not content. */
export async function ask<T>(url: string, signal?: AbortSignal): Promise<T | undefined> {
  const timeout = AbortSignal.timeout(requestMs);
  try {
    const response = await fetch(url, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
    const body = await response.text();
    return response.ok || response.status === 429 ? (JSON.parse(body) as T) : undefined;
  } catch {
    return undefined;
  }
}
