import { UserError } from "../../../lib/errors.ts";
import { isHostIn } from "../../../lib/network.ts";
import type { Reservation } from "./driver.ts";
import { reservationText } from "./table.ts";

/** A network in which a router gives out addresses. */
export interface ServedNetwork {
  /** By which the router knows it, or the server for it. */
  id: string;
  /** For users. */
  name: string;
  /** Any address in it, most often the router's own, with the prefix' length. */
  cidr: string;
}

/** A reservation with the `id` of the network that its address is in. */
export type Placed = Reservation & { network: string };

/** Finds each reservation's network; refuses those that have none, all at once. */
export function place(
  router: string,
  networks: readonly ServedNetwork[],
  reservations: readonly Reservation[],
): Placed[] {
  const networkOf = ({ ip }: Reservation) => networks.find(({ cidr }) => isHostIn(cidr, ip))?.id;
  const unserved = reservations.filter((one) => networkOf(one) === undefined);
  if (unserved.length === 0) return reservations.map((one) => ({ ...one, network: networkOf(one) ?? "" }));
  throw new UserError(
    [
      `Nothing was changed on ${router}: it gives out addresses in no network that has these:`,
      ...unserved.map((one) => `  ${reservationText(one)}`),
      `Its networks: ${networks.map(({ name, cidr }) => `${name} (${cidr})`).join(", ") || "none"}.`,
    ].join("\n"),
  );
}
