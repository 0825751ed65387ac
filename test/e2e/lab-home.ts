import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { StackStatus } from "../../cli/status/stack-status.ts";
import type { MachineStatus } from "../../steps/lab/lab.ts";
import { type Ask, asOwner } from "./agent-api.ts";
import { eventually } from "./asking.ts";
import type { Checkout } from "./checkout.ts";

/** The machines of stacks/Pulumi.lab.yaml. */
export const machines = ["pi1", "pi2", "pi3"];

/**
 * Whether all machines have their names and both quorums have all of them, whatever the jobs do. A server that has come
 * back may vote ten seconds later only: until then the loss of another one ends the quorum.
 */
export const isWhole = ({ machines: seen, consul, nomad }: StackStatus) =>
  seen.every(({ name, reachable, hostname }) => reachable && hostname === name) &&
  consul.spare === 1 &&
  nomad.spare === 1 &&
  [consul.peers, nomad.servers, nomad.clients].every((names) => names.join() === machines.join());

export const hasLeaders = ({ consul, nomad }: StackStatus) => Boolean(consul.leader && nomad.leader);

/** A job that the stack doesn't have; it needs no machine. */
export const jobByHand = {
  ID: "by-hand",
  Type: "service",
  TaskGroups: [{ Name: "main", Count: 0, Tasks: [{ Name: "main", Driver: "exec", Config: { command: "true" } }] }],
};

async function illIn(ask: Ask, url: string): Promise<string[]> {
  const { text } = await ask(`${url}/v1/operator/autopilot/health`);
  const { Servers } = JSON.parse(text) as { Servers: { Name: string; Healthy: boolean }[] };
  return Servers.filter(({ Healthy }) => !Healthy).map(({ Name }) => Name);
}

/** What a test asks the lab of a checkout, which exists only when it runs. */
export function questionsTo(checkout: () => Checkout) {
  const ask = asOwner(checkout);
  const status = () => checkout().json<StackStatus>("status");
  const labList = () => checkout().json<MachineStatus[]>("lab", "list");

  async function ssh(machine: string, command: string): Promise<string> {
    const { exitCode, output, stdout } = await checkout().piinit("lab", "ssh", machine, "--", command);
    assert.equal(exitCode, 0, output);
    return stdout.trim();
  }

  /** Of an agent that answers; a busy machine may be silent for a moment. */
  async function agentUrl(agent: "consul" | "nomad"): Promise<string> {
    const seen = await eventually(`a server of ${agent}`, status, (now) => now[agent].url !== null);
    return seen[agent].url ?? assert.fail();
  }
  const consulUrl = () => agentUrl("consul");
  const nomadUrl = () => agentUrl("nomad");

  /** The servers that are ill in the eyes of their quorums, for each look at which there are any; they look every two seconds. */
  async function illServers(looks: number): Promise<string[]> {
    const ill: string[] = [];
    for (let look = 0; look < looks; look++) {
      const names = await Promise.all([await consulUrl(), await nomadUrl()].map((url) => illIn(ask, url)));
      ill.push(names.flat().join(", "));
      await sleep(2000);
    }
    return ill.filter(Boolean);
  }

  async function keyValue(key: string): Promise<string | undefined> {
    const { ok, text } = await ask(`${await consulUrl()}/v1/kv/${key}?raw`);
    return ok ? text : undefined;
  }

  /** The page that the job `page` serves, fetched from inside the network at the address that Consul has for it. */
  async function page(): Promise<string> {
    const { text } = await ask(`${await consulUrl()}/v1/health/service/page?passing`);
    const [entry] = JSON.parse(text) as { Service: { Address: string; Port: number } }[];
    if (!entry) return "no page in Consul";
    return ssh("pi1", `busybox wget -qO- http://${entry.Service.Address}:${entry.Service.Port}/`);
  }

  /** The allocations of a job that run, as far as Nomad knows. */
  async function running(job: string) {
    const { text } = await ask(`${await nomadUrl()}/v1/job/${job}/allocations`);
    const all = JSON.parse(text) as { ID: string; NodeName: string; ClientStatus: string }[];
    return all.filter(({ ClientStatus }) => ClientStatus === "running");
  }

  const runsBeside = async (machine: string, job: string) =>
    (await running(job)).some(({ NodeName }) => NodeName !== machine);

  /** Places a job's one allocation on a machine, as chance might have done. */
  async function moveJob(job: string, machine: string): Promise<void> {
    const url = await nomadUrl();
    const nodes = JSON.parse((await ask(`${url}/v1/nodes`)).text) as { ID: string; Name: string }[];
    const others = nodes.filter(({ Name }) => Name !== machine);
    const setEligibility = (Eligibility: "eligible" | "ineligible") =>
      Promise.all(
        others.map(({ ID }) =>
          ask(`${url}/v1/node/${ID}/eligibility`, { method: "PUT", body: JSON.stringify({ Eligibility }) }),
        ),
      );
    await setEligibility("ineligible");
    for (const { ID, NodeName } of await running(job))
      if (NodeName !== machine) await ask(`${url}/v1/allocation/${ID}/stop`, { method: "PUT" });
    await eventually(
      `${job} on ${machine}`,
      () => running(job),
      ([one]) => one?.NodeName === machine,
    );
    await setEligibility("eligible");
  }

  /** Changes the router's reservation for pi3, behind piinit's back, and the rest of its dnsmasq's configuration. */
  async function answerPi3({ tag = "", name = "", config = "" }: { tag?: string; name?: string; config?: string }) {
    const mac = "52:54:00:12:34:53";
    const entry = `s/^${mac},.*(192[.][0-9.]+).*/${mac},${tag}\\1${name}/`;
    const commands = [
      "systemctl stop dnsmasq",
      `sed -Ei '${entry}' /data/dnsmasq/hosts/piinit.*`,
      `sed -i '/${mac}/d' /data/dnsmasq/leases`,
      `echo '${config}' >/etc/dnsmasq.d/names.conf`,
      "systemctl start dnsmasq",
    ];
    await ssh("router", commands.join(" && "));
  }

  return { ask, status, labList, ssh, consulUrl, nomadUrl, illServers, keyValue, page, runsBeside, moveJob, answerPi3 };
}
