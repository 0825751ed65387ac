import { UserError } from "../../../lib/errors.ts";
import { isHostIn } from "../../../lib/network.ts";
import type { Reservation } from "./driver.ts";
import { reservationText } from "./table.ts";

/** A network in which a router gives out addresses. */
export interface ServedNetwork<Id = string> {
  /** By which the router knows it, or the server for it. */
  id: Id;
  /** For users, if it has one. */
  name?: string;
  /** Any address in it, most often the router's own, with the prefix' length. */
  cidr: string;
}

/** A reservation with the `id` of the network that its address is in. */
export type Placed<Id = string> = Reservation & { network: Id };

/** Finds each reservation's network; refuses those that have none, all at once. */
export function place<Id>(
  router: string,
  networks: readonly ServedNetwork<Id>[],
  reservations: readonly Reservation[],
): Placed<Id>[] {
  const networksOf = ({ ip }: Reservation) => networks.filter(({ cidr }) => isHostIn(cidr, ip)).slice(0, 1);
  const unserved = reservations.filter((one) => networksOf(one).length === 0);
  if (unserved.length === 0)
    return reservations.flatMap((one) => networksOf(one).map(({ id }) => ({ ...one, network: id })));
  throw new UserError(
    [
      `Nothing was changed on ${router}: it gives out addresses in no network that has these:`,
      ...unserved.map((one) => `  ${reservationText(one)}`),
      `Its networks: ${networks.map(({ name, cidr }) => (name ? `${name} (${cidr})` : cidr)).join(", ") || "none"}.`,
    ].join("\n"),
  );
}
