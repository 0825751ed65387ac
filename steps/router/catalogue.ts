import { z } from "zod";
import { UserError } from "../../lib/errors.ts";
import type { Context } from "../../lib/program.ts";
import { anyOf, suggestion } from "../../lib/words.ts";
import type { CurrentLease, Driver, Found, Look, Reservation, StackView, Table } from "./base/driver.ts";
import { refuseOff } from "./base/fit.ts";
import { currentLeases } from "./base/lease-note.ts";
import { missingFrom } from "./base/table.ts";
import { adguard } from "./drivers/adguard/adguard.ts";
import { dnsmasq } from "./drivers/dnsmasq/dnsmasq.ts";
import { fritzbox } from "./drivers/fritzbox/fritzbox.ts";
import { kea } from "./drivers/kea/kea.ts";
import { manual } from "./drivers/manual.ts";
import { openwrt } from "./drivers/openwrt/openwrt.ts";
import { opnsense } from "./drivers/opnsense/opnsense.ts";
import { pfsense } from "./drivers/pfsense/pfsense.ts";
import { pihole } from "./drivers/pihole/pihole.ts";
import { routeros } from "./drivers/routeros/routeros.ts";
import { unifi } from "./drivers/unifi/unifi.ts";

/** Every kind of router: a new one is a file, and a line here. */
const drivers = { dnsmasq, openwrt, kea, pihole, adguard, routeros, opnsense, pfsense, unifi, fritzbox, manual };

/** The kinds of router, as the settings name them. */
export const routerKinds = Object.keys(drivers);

type Schema = (typeof drivers)[keyof typeof drivers]["schema"];

/** The router's settings in a stack's file. */
export const routerSettings = z.discriminatedUnion(
  "kind",
  Object.values(drivers).map(({ schema }) => schema) as [Schema, ...Schema[]],
  {
    error: ({ code, input }) => {
      if (code !== "invalid_union") return undefined;
      return `must be ${anyOf(routerKinds)}${suggestion(Object(input).kind, routerKinds)}`;
    },
  },
);
export type RouterSettings = z.output<typeof routerSettings>;

/** A router with its driver. */
export interface Router {
  title: string;
  /** The user enters the addresses, and `up` says which. */
  isByHand: boolean;
  apply(table: Table): Promise<string[]>;
  /** The reservations that it doesn't have, or no longer as they are here; none for a router that nobody can ask. */
  lost(reservations: readonly Reservation[]): Promise<Reservation[]>;
  /** Undefined for a router that nobody can ask. @throws UserError if it does not tell its leases */
  look(stack: StackView): Promise<Look | undefined>;
  /** Who has an address now; undefined for a router that nobody can ask. @throws UserError if it gives out none */
  leases(): Promise<CurrentLease[] | undefined>;
  clear(table: Table): Promise<string[]>;
  release(reservation: Reservation): Promise<string[]>;
}

// The schema ties a kind to its driver's settings, which the compiler can't follow through a lookup by name.
const driverOf = ({ kind }: RouterSettings) => drivers[kind] as Driver<RouterSettings>;

/** The router's address or name, if the settings have it: no machine may use it. */
export const hostOf = (settings: RouterSettings): string | undefined => driverOf(settings).host?.(settings);

export function openRouter(settings: RouterSettings, context: Context): Router {
  const driver = driverOf(settings);
  const title = driver.title(settings);
  const isByHand = driver.isByHand ?? false;
  const find = async (stack: StackView) => driver.look?.(settings, stack, context);
  const look: Router["look"] = async (stack) => {
    const found = await find(stack);
    return found && current(found, isByHand);
  };
  return {
    title,
    look,
    isByHand,
    apply: (table) => driver.apply(settings, table, context),
    async lost(reservations) {
      const found = await find({ owner: "", reservations });
      if (!found) return [];
      refuseOff(title, found.service);
      return missingFrom(found.entries, reservations);
    },
    async leases() {
      const found = await look({ owner: "", reservations: [] });
      if (found) refuseOff(title, found.service);
      return found?.leases;
    },
    clear: (table) => driver.clear(settings, table, context),
    release: async (reservation) => (await driver.release?.(settings, reservation, context)) ?? [],
  };
}

/** What counts now. Where the user reserves addresses by hand, the router does not tell which leases are reserved. */
function current({ untold, ...found }: Found, isByHand: boolean): Look {
  if (untold !== undefined) throw new UserError(untold);
  const reserving = isByHand ? [] : found.entries;
  return { ...found, leases: currentLeases(found.leases, reserving, Date.now() / 1000) };
}
