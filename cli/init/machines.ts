import { UserError } from "../../lib/errors.ts";
import { hostsOf } from "../../lib/network.ts";
import { silent } from "../../lib/progress.ts";
import { interrupted } from "../../lib/terminal.ts";
import { parseChoice } from "../../lib/words.ts";
import type { CurrentLease } from "../../steps/router/base/driver.ts";
import { openRouter, routerSettings } from "../../steps/router/catalogue.ts";
import { askForName } from "../discover/ask.ts";
import { candidatesOf, leaseTable, type NewMachine, propose } from "../discover/found.ts";
import { isRaspberryPi, loadMakers } from "../discover/makers.ts";
import { askForMachines, parseMachines } from "../import/machine-lines.ts";
import type { Asker } from "./asking.ts";
import type { RouterAnswers } from "./router.ts";

/** A quorum of two survives the loss of one. */
const servers = 3;

const imageOf = (index: number) => (index < servers ? "server" : "worker");

/** The stack's machines: from the options, from the router's leases, or typed in. The first three are servers. */
export async function askForAll(
  options: readonly string[],
  router: RouterAnswers,
  asker: Asker,
): Promise<NewMachine[]> {
  const given = parseMachines(options);
  if (given.length > 0)
    return given.map(({ image, ...machine }, index) => ({ ...machine, image: image ?? imageOf(index) }));
  if (!asker.isTerminal) {
    asker.lack("--machine pi1=b8:27:eb:00:00:01,192.168.2.51", "once for each machine, three or more");
    return [];
  }
  const leases = await leasesOf(router, asker);
  const isEnough = candidatesOf(leases ?? [], []).length >= servers;
  if (leases && isEnough) return fromLeases(leases, router, asker);
  asker.tell([
    ...(leases ? ["The router knows fewer than three other machines."] : []),
    "Type the MAC addresses of three machines. A Raspberry Pi that is on is in the router's own list of devices.",
  ]);
  const free = hostsOf(router.cidr, 51);
  const proposed = Array.from({ length: servers }, (_, index) => ({
    name: `pi${index + 1}`,
    image: imageOf(index),
    ip: free.next().value ?? undefined,
  }));
  const typed = await askForMachines(proposed, asker.line);
  return typed.map((machine, index) => ({ ...machine, image: imageOf(index) }));
}

/** Undefined if the router can't be asked, which is told. */
async function leasesOf({ settings, secrets }: RouterAnswers, asker: Asker): Promise<CurrentLease[] | undefined> {
  const withSecrets = { ...settings };
  for (const { path, value } of secrets) withSecrets[path.split(".").at(-1) ?? ""] = value;
  try {
    const router = openRouter(routerSettings.parse(withSecrets), { progress: silent, signal: interrupted });
    return await router.leases();
  } catch (error) {
    interrupted.throwIfAborted();
    if (!(error instanceof UserError)) throw error;
    asker.tell([error.message]);
    return undefined;
  }
}

async function fromLeases(
  leases: readonly CurrentLease[],
  { cidr, address }: RouterAnswers,
  asker: Asker,
): Promise<NewMachine[]> {
  const candidates = candidatesOf(leases, []);
  asker.tell(leaseTable(leases, [], await loadMakers(), { numbered: true, width: process.stderr.columns || 80 }));
  const pis = candidates.flatMap(({ mac }, index) => (isRaspberryPi(mac) ? [index + 1] : []));
  const answer = await asker.ask({
    text: "Which are the cluster's? Numbers, the three servers first",
    flag: "--machine",
    initial: pis.length >= servers ? pis.join(" ") : undefined,
    check: (answer) =>
      (parseChoice(answer, candidates.length)?.length ?? 0) >= servers
        ? undefined
        : "must be three or more numbers from the list above",
  });
  const machines: NewMachine[] = [];
  for (const index of parseChoice(answer, candidates.length) ?? []) {
    const lease = candidates[index] as CurrentLease;
    const known = { machines, cidr, image: imageOf(machines.length), taken: [address] };
    const [proposed] = propose([lease], leases, known);
    if (!proposed) throw new UserError(`The network ${cidr} has no address left. Nothing was written.`);
    machines.push({ ...proposed, name: await askForName(proposed, machines, asker.line) });
  }
  return machines;
}
