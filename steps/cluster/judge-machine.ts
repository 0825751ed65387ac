import type { NoAnswer } from "../../lib/http.ts";
import type { AgentName } from "../agents.ts";
import { type Expectation, type ExpectedMachine, isNomadClient, isNomadServer } from "./contract.ts";
import type { ConsulView, MachineView, Member, NomadNode, NomadView, Observation, RaftServer } from "./observe.ts";

export interface MachineFinding {
  problem: string;
  action: string;
  /** Only another image can change it: waiting doesn't help. */
  needsImage?: true;
  /** It answers, and most often becomes right by itself within seconds. */
  isSettling?: true;
}

/** What is wrong with a machine, if anything: as a member of Consul, as a Nomad server, as a Nomad client. */
export interface MachineVerdict {
  consul?: MachineFinding | undefined;
  server?: MachineFinding | undefined;
  client?: MachineFinding | undefined;
}

/** Compares one machine with what the stack expects of it. Where its Consul is at fault, its Nomad isn't judged. */
export function judgeMachine(
  expectation: Expectation,
  seen: Observation,
  machine: ExpectedMachine,
  view: MachineView,
): MachineVerdict {
  const remedy = expectation.remedy.replaceAll("NAME", machine.name).replaceAll("IMAGE", machine.image);
  const consul =
    judgeIdentity(expectation, seen, machine, view, remedy) ??
    (view.consul && judgeConsul(expectation, seen, machine, view.consul, remedy));
  return consul ? { consul } : judgeNomad(expectation, seen, machine, view, remedy);
}

/** Whether the expected machine has that address, which proves that the router's reservation works. */
function judgeIdentity(
  expectation: Expectation,
  seen: Observation,
  machine: ExpectedMachine,
  { consul: view, silence, isOpen }: MachineView,
  remedy: string,
): MachineFinding | undefined {
  const { name, ip, mac, consulUrl } = machine;
  const action = `the router's reservation isn't in effect: check ${mac} → ${ip} (${name}) on the router, then restart the machine`;
  const wrong = (at: string, calledItself: string): MachineFinding =>
    at === ip
      ? {
          problem: `${at} calls itself ${calledItself} instead of ${name}`,
          action: isNamedByRouter(expectation, calledItself)
            ? `the router calls it that: give ${mac} the name ${name} there instead of ${calledItself}, then restart the machine`
            : action,
        }
      : { problem: `${calledItself} has ${at} instead of ${ip}`, action };
  if (view) return view.name === name && view.ip === ip ? undefined : wrong(view.ip, view.name);
  const members = seen.machines.flatMap(({ consul }) => consul?.members.filter(({ alive }) => alive) ?? []);
  const elsewhere = members.find((member) => member.name === name && member.ip !== ip);
  if (elsewhere) return wrong(elsewhere.ip, name);
  const problem = noAnswerFrom("Consul", consulUrl, silence?.Consul);
  if (silence?.Consul?.isStranger) return { problem, action: `${ip} belongs to something else: ${action}` };
  if (isOpen)
    return {
      problem: "its Consul lets everybody in",
      action: `its image is from before piinit knew certificates: ${remedy}`,
      needsImage: true,
    };
  if (silence?.Consul?.isDistrusted)
    return { problem, action: distrustedImage(silence.Consul, remedy), needsImage: true };
  return { problem, action: `${remedy}${strangers(expectation, members)}` };
}

const distrustedImage = ({ hasExpired }: NoAnswer, remedy: string) =>
  hasExpired ? "make new ones by ./piinit rotate STACK; or is this computer's clock wrong?" : otherImage(remedy);

const otherImage = (remedy: string) => `its image is of another stack or of older settings: ${remedy}`;

/** A machine without a name is `localhost`, and one with another machine's has that one's reservation. */
const isNamedByRouter = ({ machines }: Expectation, calledItself: string): boolean =>
  calledItself !== "localhost" && machines.every(({ name }) => name !== calledItself);

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
      action: otherImage(remedy),
      needsImage: true,
    };
  if (view.server !== machine.consulServer)
    return {
      problem: `its Consul is a ${view.server ? "server" : "client"}, in the stack it is a ${machine.consulServer ? "server" : "client"}`,
      action: `it runs another image than "${machine.image}": ${remedy}`,
      needsImage: true,
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
): Pick<MachineVerdict, "server" | "client"> {
  if (!machine.nomad) return {};
  if (!view.nomad) {
    const fault = silentNomad(machine, view.silence?.Nomad, remedy);
    return { ...(isNomadServer(machine) && { server: fault }), ...(isNomadClient(machine) && { client: fault }) };
  }
  const server = isNomadServer(machine) ? judgeNomadServer(seen, machine, view.nomad, remedy) : undefined;
  const client = isNomadClient(machine) ? judgeNode(expectation, machine, seen) : undefined;
  return { server, client };
}

function silentNomad({ nomadUrl }: ExpectedMachine, silence: NoAnswer | undefined, remedy: string): MachineFinding {
  const problem = noAnswerFrom("Nomad", nomadUrl, silence);
  if (silence?.isDistrusted) return { problem, action: distrustedImage(silence, remedy), needsImage: true };
  if (silence?.status === 403)
    return {
      problem,
      action: "it doesn't know the stack's token (yet): check on the machine: journalctl -u nomad-acl",
    };
  return { problem, action: "its Consul answers, so check on the machine: journalctl -u nomad" };
}

function judgeNomadServer(
  seen: Observation,
  machine: ExpectedMachine,
  view: NomadView,
  remedy: string,
): MachineFinding | undefined {
  const members = bestView(seen.machines.map(({ nomad }) => nomad))?.members ?? [];
  const fault =
    judgeMembership("Nomad", 4648, machine, view, members, remedy) ?? judgeRaft("Nomad", machine, seen.nomadRaft);
  return fault && (afterRename("nomad server force-leave -prune", fault, machine, view.id, members) ?? fault);
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
    isSettling: true,
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
    isSettling: true,
  };
}

function isUsable(node: NomadNode, datacenter: string): boolean {
  return node.status === "ready" && node.eligible && node.datacenter === datacenter;
}

/** The view to trust for the cluster: one that knows a leader, else the one with the most members. */
function bestView<T extends { leader: string; members: Member[] }>(views: readonly (T | undefined)[]): T | undefined {
  const weight = (view: T) => (view.leader ? 1000 : 0) + view.members.filter(({ alive }) => alive).length;
  return views.reduce((best, view) => (view && (!best || weight(view) > weight(best)) ? view : best), undefined);
}
