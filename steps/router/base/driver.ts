import type { z } from "zod";
import type { Context } from "../../../lib/program.ts";
import type { Service } from "./service.ts";

/** What a driver's own word for `kind` says of itself. */
export const kind = { description: "The kind of router: `manual` for one that you set up yourself." };

/** A fixed lease: the machine with this MAC gets this address and this name. */
export interface Reservation {
  /** Host name, lower case, without the domain. */
  name: string;
  /** Six lower-case hex pairs with colons. */
  mac: string;
  /** IPv4, dotted. */
  ip: string;
}

/** A lease that the router has given out, as its own lease table has it. */
export interface Lease extends Reservation {
  /** Seconds since 1970; 0 without an end; undefined if the router does not tell. */
  expires: number | undefined;
}

/** A lease that counts now. */
export interface CurrentLease extends Lease {
  /** The router has a fixed lease for this MAC. */
  isReserved: boolean;
}

/** A fixed lease as the router has it, whoever made it. */
export interface Entry {
  /** Where it is on the router, e.g. a file's path. */
  source: string;
  /** As it is written there. */
  text: string;
  macs: string[];
  ip?: string | undefined;
  name?: string | undefined;
  /** dnsmasq gives the machine no lease at all. */
  ignored: boolean;
}

/** All that one stack reserves on one router. */
export interface Table {
  /** The stack's name: several stacks may share a router, each with a table of its own. */
  owner: string;
  reservations: readonly Reservation[];
  /** The table last applied, from the stack's state; undefined if the state knows nothing of this router. */
  previous: readonly Reservation[] | undefined;
  /** The stack's network; earlier versions did not tell. */
  cidr?: string | undefined;
}

/** What of a stack a router is looked at for. */
export type StackView = Pick<Table, "owner" | "reservations">;

/** What a driver finds on its router. */
export interface Found {
  service: Service;
  /** Some may have ended. */
  leases: Lease[];
  /** Why the router does not tell its leases, and what to do. */
  untold?: string | undefined;
  entries: Entry[];
  /** Those that are not the stack's and may contradict it. */
  others: Entry[];
}

/** What a router has for everybody. */
export interface Look extends Pick<Found, "service" | "entries" | "others"> {
  leases: CurrentLease[];
}

/**
 * One kind of home router. A driver adopts identical entries of others, refuses conflicting ones before it writes,
 * leaves everything else alone, reads back what it wrote, and undoes it if the router does not accept it. All of that
 * takes one login and one reload, and can be repeated.
 */
export interface Driver<Settings> {
  /** Schema of such a router's settings in a stack's file, with defaults. */
  schema: z.ZodType<Settings>;
  /** The user enters the addresses, and `up` says which. */
  isByHand?: boolean;
  /** Its address or name, if the settings have it. */
  host?(settings: Settings): string;
  /** The router's name for users; another title is another router. */
  title(settings: Settings): string;
  /** Replaces the owner's entries by these. Returns the lines to show the user. */
  apply(settings: Settings, table: Table, context: Context): Promise<string[]>;
  /** What there is beside the entries of a stack, in one login. Changes nothing. Missing for a router that nobody can ask. */
  look?(settings: Settings, stack: StackView, context: Context): Promise<Found>;
  /** Removes everything that `apply` made for this owner, if anything. Returns the lines to show the user. */
  clear(settings: Settings, table: Table, context: Context): Promise<string[]>;
  /**
   * Removes the entry of one machine as long as it is still the same; only for the kinds of router for which earlier
   * versions had a step for each machine.
   */
  release?(settings: Settings, reservation: Reservation, context: Context): Promise<string[]>;
}
