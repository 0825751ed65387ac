import type { z } from "zod";
import type { Context } from "../../lib/program.ts";

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
  /** Seconds since 1970. */
  expires: number;
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
  /** The machine gets no lease at all. */
  ignored: boolean;
}

/** All that one stack reserves on one router. */
export interface Table {
  /** The stack's name: several stacks may share a router, each with a table of its own. */
  owner: string;
  reservations: readonly Reservation[];
  /** What the stack's state says is there since last time; undefined where it knows nothing of this router. */
  previous: readonly Reservation[] | undefined;
}

/**
 * One kind of home router. A driver adopts identical entries of others, refuses conflicting ones by name before it
 * writes, changes nothing that its owner did not make, reads back what it wrote, and undoes it when the router fails
 * to take it. All in one login, with one reload; everything may be repeated.
 */
export interface Driver<Settings> {
  /** What a stack's file says of such a router, defaults filled in. */
  schema: z.ZodType<Settings>;
  /** Its address or name, where the settings tell it. */
  host?(settings: Settings): string;
  /** Which router it is, as people say it; another title is another router. */
  title(settings: Settings): string;
  /** Makes the owner's entries these and no others. Returns the lines to tell the user. */
  apply(settings: Settings, table: Table, context: Context): Promise<string[]>;
  /** Removes all that `apply` made for this owner; nothing happens when there is none. Returns the lines to tell. */
  clear(settings: Settings, table: Table, context: Context): Promise<string[]>;
  /** Removes the entry of one machine that an earlier piinit made, as long as it is still the same. */
  release(settings: Settings, reservation: Reservation, context: Context): Promise<string[]>;
}
