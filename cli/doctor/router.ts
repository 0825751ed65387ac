import type { Settings } from "../../components/schema/stack.ts";
import { UserError } from "../../lib/errors.ts";
import { isHostIn } from "../../lib/network.ts";
import { silent } from "../../lib/progress.ts";
import { interrupted } from "../../lib/terminal.ts";
import type { Look, Reservation } from "../../steps/router/base/driver.ts";
import { misfits, networksText, poolText, strangeNetwork } from "../../steps/router/base/fit.ts";
import { leaseNote } from "../../steps/router/base/lease-note.ts";
import type { Service } from "../../steps/router/base/service.ts";
import { conflicts, missingFrom, reservationText } from "../../steps/router/base/table.ts";
import { openRouter } from "../../steps/router/catalogue.ts";

/** What a router has, and what it is called. */
export interface RouterView extends Look {
  title: string;
  /** The user enters them. */
  isByHand?: boolean;
}

/** The settings that it is about. */
type Asked = Pick<Settings, "lab"> & {
  network: Pick<Settings["network"], "cidr" | "router">;
  machines: readonly Reservation[];
};

/**
 * Logs in to the router, once, and compares what it has with the stack called `owner`; changes nothing.
 * @throws UserError if it can't be asked, or something keeps it from serving the machines
 */
export async function checkRouter({ lab, network, machines }: Asked, owner: string): Promise<string> {
  if (lab) return "the lab's own";
  const router = openRouter(network.router, { progress: silent, signal: interrupted });
  const { title, isByHand } = router;
  const look = await router.look({ owner, reservations: machines });
  if (!look) return title;
  return describeRouter({ ...look, title, isByHand }, { cidr: network.cidr, machines, now: Date.now() / 1000 });
}

interface StackFacts {
  cidr: string;
  machines: readonly Reservation[];
  /** Seconds since 1970. */
  now: number;
}

/** @throws UserError with everything that keeps the router from serving the machines */
export function describeRouter(view: RouterView, stack: StackFacts): string {
  const { title, leases, entries, service, isByHand } = view;
  const { machines, now } = stack;
  const faults = faultsIn(view, stack);
  if (faults.length > 0) throw new UserError([`${title} answers, but:`, ...faults.map((one) => `  ${one}`)].join("\n"));
  const lost = missingFrom(entries, machines);
  const inTheWay = machines.flatMap((machine) => leaseNote(leases, machine, now) ?? []);
  return [
    `${title} answers, ${leases.length === 1 ? "1 lease" : `${leases.length} leases`}`,
    `${machines.length - lost.length} of ${machines.length} reservations are there`,
    ...(lost.length > 0
      ? [`\`up\` ${isByHand ? "says how to enter" : "makes"} ${lost.map(reservationText).join(", ")}`]
      : []),
    ...inTheWay,
    ...servedLines(service),
  ].join("; ");
}

function faultsIn({ leases, others, service }: RouterView, { cidr, machines }: StackFacts): string[] {
  const strange = service.networks ? strangeNetwork(service, cidr) : strangeLeases(leases, cidr);
  const found = misfits(service, { reservations: machines, cidr }).map((one) => `it ${one}`);
  // A wrong network explains addresses outside of it.
  const fitting = strange === undefined || service.off !== undefined ? found : [`it ${strange}`];
  return [...fitting, ...conflicts(others, machines).map((one) => `an entry there contradicts this stack: ${one}`)];
}

function strangeLeases(leases: RouterView["leases"], cidr: string): string | undefined {
  const [stranger] = leases;
  if (!stranger || leases.some(({ ip }) => isHostIn(cidr, ip))) return undefined;
  return `has leases such as ${stranger.ip}, and none in ${cidr}: \`cidr\` of \`piinit:network\` must be the network that it serves`;
}

/** What the user may compare with what was meant. */
function servedLines({ networks = [], domain, isNameless }: Service): string[] {
  const pools = networks.flatMap((one) => one.pools);
  return [
    ...(networks.length > 0 ? [`it serves ${networksText(networks)}`] : []),
    ...(pools.length > 0 ? [`any machine gets one of ${pools.map(poolText).join(", ")}`] : []),
    ...(domain ? [`its domain is ${domain}`] : []),
    ...(isNameless ? ["it sends machines no names, so they take theirs from the image"] : []),
  ];
}
