import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import { type Driver, kind, type Table } from "../../base/driver.ts";
import { refuseMisfits, turnOn } from "../../base/fit.ts";
import { orPutBack, outcomeLines, refuseMissing } from "../../base/outcome.ts";
import { type NamedNetwork, type Placed, place } from "../../base/place.ts";
import type { Service } from "../../base/service.ts";
import {
  difference,
  differenceLines,
  planTable,
  refuseConflicts,
  refuseStrangers,
  reservationsIn,
} from "../../base/table.ts";
import { basicLogin, fitsUrl, hostIn, webSettings } from "../../base/web.ts";
import { type Inventory, type LeaseRecord, openRouterOs, type RouterOs } from "./api.ts";
import { bring } from "./change.ts";
import { boundLeases, entriesOf, isOwnLease, markOf, type Owned, ownedBy, ownedFor } from "./records.ts";

const schema = z
  .strictObject({ kind: z.literal("routeros").meta(kind), ...webSettings("https://192.168.88.1"), ...basicLogin })
  .refine(...fitsUrl);
type Settings = z.output<typeof schema>;

/**
 * MikroTik's RouterOS, version 7. A machine is a fixed lease and an option with its name; both have a comment with the
 * stack's name. There is no transaction, so what went half way is put back.
 */
export const routeros = {
  schema,
  host: hostIn,
  title: ({ url }) => `RouterOS at ${url}`,
  apply: (settings, table, { signal }) => apply(settings, table, signal),
  async look(settings, { owner, reservations }, { signal }) {
    const router = openRouterOs(settings, signal);
    const networks = await router.networks();
    const inventory = await router.inventory();
    return {
      service: { ...serviceOf(networks), ...(await router.described(networks)), denied: await router.whyDenied() },
      leases: boundLeases(inventory, Date.now() / 1000),
      entries: entriesOf(inventory, all),
      others: entriesOf(inventory, concerning(owner, place(networks, reservations))),
    };
  },
  clear: (settings, { owner }, { signal }) => clear(settings, owner, signal),
} satisfies Driver<Settings>;

const all = () => true;

const serviceOf = (networks: readonly NamedNetwork[]): Service => ({
  networks,
  ...(networks.length === 0 && { off: turnOn("IP > DHCP Server") }),
});

async function apply(settings: Settings, table: Table, signal: AbortSignal): Promise<string[]> {
  const router = openRouterOs(settings, signal);
  const { owner, reservations } = table;
  const networks = await router.networks();
  refuseMisfits(router.title, serviceOf(networks), table);
  const placed = place(networks, reservations);
  const before = await router.inventory();
  const isOurs = isOwnLease(owner);
  const ours = entriesOf(before, isOurs);
  refuseStrangers(router.title, `remove the leases with the comment ${markOf(owner)} there`, ours, table);
  const isOther = concerning(owner, placed);
  const planned = planTable(router.title, entriesOf(before, isOther), placed);

  const wanted = ownedFor(
    owner,
    placed.filter(({ mac }) => planned.own.some((one) => one.mac === mac)),
  );
  await change(settings, router, owner, before, wanted, (after) => {
    refuseConflicts(router.title, entriesOf(after, isOther), reservations);
    refuseMissing(router.title, "them", entriesOf(after, all), reservations);
  });
  return outcomeLines(reservationsIn(ours), planned, reservations, boundLeases(before, Date.now() / 1000));
}

/** Leases of others that can contradict ours: of the same servers, or of all. */
function concerning(owner: string, placed: readonly Placed[]): (record: LeaseRecord) => boolean {
  const servers = new Set(["all", ...placed.map(({ network }) => network)]);
  const isOurs = isOwnLease(owner);
  return (record) => !isOurs(record) && servers.has(record.server ?? "all");
}

/** Makes the changes and checks the result. If that fails or is interrupted, puts back what was there. */
async function change(
  settings: Settings,
  router: RouterOs,
  owner: string,
  before: Inventory,
  wanted: Owned,
  check: (after: Inventory) => void,
): Promise<void> {
  const work = async () => {
    await bring(router, owner, before, wanted);
    check(await router.inventory());
  };
  await orPutBack(router.title, work, async () => {
    // Not stopped by ^C. A request that failed may have been carried out all the same.
    const lasting = openRouterOs(settings, new AbortController().signal);
    await bring(lasting, owner, await lasting.inventory(), ownedBy(owner, before));
  });
}

async function clear(settings: Settings, owner: string, signal: AbortSignal): Promise<string[]> {
  const router = openRouterOs(settings, signal);
  const before = await router.inventory();
  const { leases, options } = ownedBy(owner, before);
  if (leases.length + options.length === 0) return [`${router.title} has no reservations of stack ${owner} any more`];
  await change(settings, router, owner, before, { leases: [], options: [] }, (after) => {
    if (ownedBy(owner, after).leases.length > 0)
      throw new UserError(`${router.title} has reservations of stack ${owner} again: something else writes them`);
  });
  return differenceLines(difference(reservationsIn(entriesOf(before, isOwnLease(owner))), []));
}
