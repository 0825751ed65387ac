import { isHostIn } from "../../../lib/network.ts";
import type { Reservation } from "./driver.ts";
import type { ServedNetwork } from "./service.ts";

/** A network that a reservation on the router has to name. */
export interface NamedNetwork<Id = string> extends ServedNetwork {
  /** By which the router knows it, or the server for it. */
  id: Id;
  cidr: string;
}

/** A reservation with the `id` of the network that its address is in. */
export type Placed<Id = string> = Reservation & { network: Id };

/** Finds each reservation's network; there is one for each that fits. */
export function place<Id>(networks: readonly NamedNetwork<Id>[], reservations: readonly Reservation[]): Placed<Id>[] {
  const networksOf = ({ ip }: Reservation) => networks.filter(({ cidr }) => isHostIn(cidr, ip)).slice(0, 1);
  return reservations.flatMap((one) => networksOf(one).map(({ id }) => ({ ...one, network: id })));
}
