import { z } from "zod";
import { NoAnswer, unlessSilent } from "../../lib/http.ts";
import {
  type AgentName,
  type AskOptions,
  askAgent,
  askForLeader,
  askItself,
  healthAnswer,
  leaderAnswer,
  plainText,
} from "../agents.ts";
import type { Expectation, ExpectedMachine } from "./contract.ts";

/** One observation of a cluster, not judged yet: what each machine's agents and the leaders answered. */
export interface Observation {
  /** In the expectation's order. */
  machines: MachineView[];
  /** Servers of the Raft cluster as its leader sees them; empty if there is no leader. */
  consulRaft: RaftServer[];
  nomadRaft: RaftServer[];
  /** Nomad's clients, including earlier registrations of a machine; empty if there is no leader. */
  nomadNodes: NomadNode[];
}

export interface MachineView {
  /** Undefined when it did not answer. */
  consul?: ConsulView | undefined;
  /** Undefined when it did not answer, or is not expected to run. */
  nomad?: NomadView | undefined;
  /** Why an agent did not answer. */
  silence?: Partial<Record<AgentName, NoAnswer>>;
  /** Its Consul answers in the clear, as those of images of before piinit knew certificates. */
  isOpen?: boolean;
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

/** How long a look may take; the expectation has what opens the agents. */
export type LookOptions = Omit<AskOptions, "access">;

/** Asks all machines at once; never fails because a machine does not answer or something else does. */
export async function observe(expectation: Expectation, given: LookOptions = {}): Promise<Observation> {
  const { machines, access } = expectation;
  const options: AskOptions = { ...given, access };
  const views = await Promise.all(machines.map((machine) => lookAtMachine(machine, options)));
  const consul = views.findIndex((view) => view.consul?.leader);
  const nomad = views.findIndex((view) => view.nomad?.leader);
  const ask = <T>(index: number, agent: AgentName, look: (url: string, options: AskOptions) => Promise<T[]>) =>
    askLeader(views[index], machines[index], agent, (url) => look(url, options));
  const [consulRaft, nomadRaft, nomadNodes] = await Promise.all([
    ask(consul, "Consul", (url) => lookAtRaft("Consul", url, options)),
    ask(nomad, "Nomad", (url) => lookAtRaft("Nomad", url, options)),
    ask(nomad, "Nomad", lookAtNodes),
  ]);
  return { machines: views, consulRaft, nomadRaft, nomadNodes };
}

async function lookAtMachine(machine: ExpectedMachine, options: AskOptions): Promise<MachineView> {
  const silence: Partial<Record<AgentName, NoAnswer>> = {};
  const heard = <T>(agent: AgentName, look: Promise<T>) =>
    look.catch((error: unknown) => {
      silence[agent] = asNoAnswer(error);
      return undefined;
    });
  const [consul, nomad] = await Promise.all([
    heard("Consul", lookAtConsul(machine, options)),
    machine.nomad && heard("Nomad", lookAtNomad(machine, options)),
  ]);
  const isOpen = wasRefused(silence.Consul) && (await answersInTheClear(machine, options));
  return { consul, nomad, silence, ...(isOpen && { isOpen }) };
}

/** Its machine is on, and nobody listens there. */
const wasRefused = (silence: NoAnswer | undefined) =>
  (silence?.cause as NodeJS.ErrnoException | undefined)?.code === "ECONNREFUSED";

/** At Consul's own port, which is for a machine's own programs today. A lab's machines are behind other ports. */
async function answersInTheClear({ consulUrl, ip }: ExpectedMachine, options: AskOptions): Promise<boolean> {
  const { protocol, hostname } = new URL(consulUrl);
  if (protocol !== "https:" || hostname !== ip) return false;
  const leader = askAgent("Consul", `http://${ip}:8500/v1/status/leader`, leaderAnswer, options);
  return (await unlessSilent(leader)) !== undefined;
}

/** Adds what the machine's leader answers; if that turns out to be no such agent, drops the machine's view. */
async function askLeader<T>(
  view: MachineView | undefined,
  machine: ExpectedMachine | undefined,
  agent: AgentName,
  look: (url: string) => Promise<T[]>,
): Promise<T[]> {
  if (!view || !machine) return [];
  try {
    return await look(agent === "Consul" ? machine.consulUrl : machine.nomadUrl);
  } catch (error) {
    const silence = asNoAnswer(error);
    if (silence.isStranger) {
      view.silence = { ...view.silence, [agent]: silence };
      if (agent === "Consul") view.consul = undefined;
      else view.nomad = undefined;
    }
    return [];
  }
}

/** @throws the error if something else answers there */
function asSilence(error: unknown): NoAnswer {
  const silence = asNoAnswer(error);
  if (silence.isStranger) throw silence;
  return silence;
}

function asNoAnswer(error: unknown): NoAnswer {
  if (error instanceof NoAnswer) return error;
  throw error;
}

const listedMember = <Status extends z.ZodType>(status: Status) =>
  z.object({
    Name: plainText,
    Addr: plainText,
    Status: status,
    Tags: z.object({ id: plainText.optional(), dc: plainText.optional(), role: plainText.optional() }).nullable(),
  });

function toMember(
  { Name, Addr, Tags }: { Name: string; Addr: string; Tags: { id?: string | undefined } | null },
  alive: boolean,
): Member {
  return { id: Tags?.id ?? "", name: withoutRegion(Name), fullName: Name, ip: Addr, alive };
}

const consulSelf = z.object({
  Config: z.object({ NodeID: plainText, NodeName: plainText, Datacenter: plainText, Server: z.boolean() }),
  Member: z.object({ Addr: plainText }),
});
const consulMembers = z.array(listedMember(z.number()));

type ConsulMember = z.output<typeof consulMembers>[number];

async function lookAtConsul({ consulUrl: url, ip }: ExpectedMachine, options: AskOptions): Promise<ConsulView> {
  const [self, leader, members] = await Promise.all([
    askItself(`${url}/v1/agent/self`, consulSelf, options).catch(asSilence),
    askForLeader("Consul", url, options),
    askItself(`${url}/v1/agent/members`, consulMembers, options),
  ]);
  return {
    ...(self instanceof NoAnswer ? ownEntry(self, ip, members) : selfView(self)),
    leader,
    members: members.map((member) => toMember(member, member.Status === 1)),
  };
}

type OwnView = Omit<ConsulView, "leader" | "members">;

const selfView = ({ Config, Member }: z.output<typeof consulSelf>): OwnView => ({
  id: Config.NodeID,
  name: Config.NodeName,
  ip: Member.Addr,
  datacenter: Config.Datacenter,
  server: Config.Server,
});

/**
 * What the list of members has of the one that was asked. Without a leader, Consul may hold back for half a minute what it
 * says of itself, while it tries to tell its services to the others.
 * @throws the silence if there is no such member, or more than one
 */
function ownEntry(silence: NoAnswer, ip: string, members: readonly ConsulMember[]): OwnView {
  const [own, another] = members.filter(({ Addr }) => Addr === ip);
  if (!own || another) throw silence;
  const { id = "", dc = "", role } = own.Tags ?? {};
  return { id, name: own.Name, ip, datacenter: dc, server: role === "consul" };
}

const nomadSelf = z.object({
  config: z.object({}),
  stats: z.object({}),
  member: z.object({ Tags: z.object({ id: plainText.optional() }).nullable() }).nullable(),
});
const nomadMembers = z.object({ Members: z.array(listedMember(plainText)).nullable() });

async function lookAtNomad({ nomad, nomadUrl: url }: ExpectedMachine, options: AskOptions): Promise<NomadView> {
  const isServer = nomad !== "client";
  const [self, leader, members] = await Promise.all([
    askAgent("Nomad", `${url}/v1/agent/self`, nomadSelf, options),
    askForLeader("Nomad", url, options),
    isServer ? askAgent("Nomad", `${url}/v1/agent/members`, nomadMembers, options) : undefined,
  ]);
  return {
    id: self.member?.Tags?.id ?? "",
    leader,
    members: (members?.Members ?? []).map((member) => toMember(member, member.Status === "alive")),
  };
}

async function lookAtRaft(agent: AgentName, url: string, options: AskOptions): Promise<RaftServer[]> {
  const { Servers } = await askAgent(agent, `${url}/v1/operator/autopilot/health`, healthAnswer, options);
  return (Servers ?? []).map(({ Name, Voter, Healthy, Leader }) => ({
    name: withoutRegion(Name),
    voter: Voter,
    healthy: Healthy,
    leader: Leader,
  }));
}

const nodesAnswer = z
  .array(
    z.object({
      Name: plainText,
      Address: plainText,
      Datacenter: plainText,
      Status: plainText,
      SchedulingEligibility: plainText,
    }),
  )
  .nullable();

async function lookAtNodes(url: string, options: AskOptions): Promise<NomadNode[]> {
  const nodes = await askAgent("Nomad", `${url}/v1/nodes`, nodesAnswer, options);
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
