import type { Settings } from "../../components/schema/stack.ts";
import { UserError } from "../../lib/errors.ts";
import { isHostIn } from "../../lib/network.ts";
import { silent } from "../../lib/progress.ts";
import { interrupted } from "../../lib/terminal.ts";
import type { CurrentLease, Reservation } from "../../steps/router/base/driver.ts";
import { leaseNote } from "../../steps/router/base/lease-note.ts";
import { reservationText } from "../../steps/router/base/table.ts";
import { openRouter } from "../../steps/router/catalogue.ts";

/** What a router has of a stack's network. */
export interface RouterView {
  title: string;
  leases: readonly CurrentLease[];
  /** The stack's reservations that it does not have. */
  lost: readonly Reservation[];
  /** The user enters them. */
  isByHand?: boolean;
}

/** The settings that it is about. */
type Asked = Pick<Settings, "lab"> & {
  network: Pick<Settings["network"], "cidr" | "router">;
  machines: readonly Reservation[];
};

/**
 * Logs in to the router and compares what it has with the stack; changes nothing.
 * @throws UserError if it can't be asked, or serves another network
 */
export async function checkRouter({ lab, network, machines }: Asked): Promise<string> {
  if (lab) return "the lab's own";
  const router = openRouter(network.router, { progress: silent, signal: interrupted });
  const { title, isByHand } = router;
  const leases = await router.leases();
  if (!leases) return title;
  const lost = await router.lost(machines);
  return describeRouter({ title, leases, lost, isByHand }, { cidr: network.cidr, machines, now: Date.now() / 1000 });
}

/**
 * @param stack `now` in seconds since 1970
 * @throws UserError if all of the router's leases are in another network
 */
export function describeRouter(
  { title, leases, lost, isByHand }: RouterView,
  { cidr, machines, now }: { cidr: string; machines: readonly Reservation[]; now: number },
): string {
  const [stranger] = leases;
  if (stranger && !leases.some(({ ip }) => isHostIn(cidr, ip)))
    throw new UserError(
      `${title} has leases such as ${stranger.ip}, and none in ${cidr}: \`cidr\` of \`piinit:network\` must be the network that it serves`,
    );
  const inTheWay = machines.flatMap((machine) => leaseNote(leases, machine, now) ?? []);
  return [
    `${title} answers, ${leases.length === 1 ? "1 lease" : `${leases.length} leases`}`,
    `${machines.length - lost.length} of ${machines.length} reservations are there`,
    ...(lost.length > 0
      ? [`\`up\` ${isByHand ? "says how to enter" : "makes"} ${lost.map(reservationText).join(", ")}`]
      : []),
    ...inTheWay,
  ].join("; ");
}
