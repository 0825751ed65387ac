import { isIPv4 } from "node:net";
import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import { prefixOf } from "../../../../lib/network.ts";
import { type Changes, changesBetween } from "../../base/changes.ts";
import { type Driver, type Entry, kind, type Lease, type Reservation, type Table } from "../../base/driver.ts";
import { refuseMisfits, turnOn } from "../../base/fit.ts";
import { leaseNote } from "../../base/lease-note.ts";
import { orPutBack, refuseLost } from "../../base/outcome.ts";
import type { Service } from "../../base/service.ts";
import {
  difference,
  differenceLines,
  missingFrom,
  planTable,
  refuseConflicts,
  reservationsIn,
  says,
} from "../../base/table.ts";
import { basicLogin, fitsUrl, hostIn, webSettings } from "../../base/web.ts";
import { type AdGuard, openAdGuard, type Status } from "./api.ts";

const schema = z
  .strictObject({
    kind: z.literal("adguard").meta(kind),
    ...webSettings("https://192.168.2.2"),
    ...basicLogin,
  })
  .refine(...fitsUrl);
type Settings = z.output<typeof schema>;

function titleOf({ url }: { url: string }): string {
  return `AdGuard Home at ${url}`;
}

/**
 * AdGuard Home. Its entries have no room for a mark, so what is ours is known from the stack's state only; and each
 * change is a request of its own, so what went half way is put back.
 */
export const adguard = {
  schema,
  host: hostIn,
  title: titleOf,
  apply: (settings, table, { signal }) => apply(settings, table, signal),
  /** It does not say which of the machines with a fixed address are there. */
  async look(settings, { reservations }, { signal }) {
    const status = await openAdGuard(settings, signal).status();
    const { leases, static_leases } = status;
    const hasLease = ({ mac }: Stored) => leases.some((lease) => lease.mac === mac);
    const fixed = leasesOf(static_leases.filter((one) => !hasLease(one)).map((one) => ({ ...one, expires: "" })));
    const entries = entriesOf(static_leases);
    return {
      service: serviceOf(status),
      leases: [...leasesOf(leases), ...fixed],
      entries,
      // One with a machine's MAC may be the stack's own from before, which only its state knows.
      others: entries.filter(({ macs }) => !reservations.some(({ mac }) => macs.includes(mac))),
    };
  },
  clear: (settings, { reservations }, { signal }) => clear(settings, reservations, signal),
} satisfies Driver<Settings>;

interface Stored {
  mac: string;
  ip: string;
  hostname: string;
}

const source = "AdGuard Home's static leases";

const entriesOf = (stored: readonly Stored[]): Entry[] =>
  stored.map(({ mac, ip, hostname }) => ({
    source,
    text: [mac, ip, hostname].filter(Boolean).join(" "),
    macs: [mac.toLowerCase()],
    ip,
    ...(hostname && { name: hostname.toLowerCase() }),
    ignored: false,
  }));

function serviceOf({ enabled, v4 }: Status): Service {
  const prefix = prefixOf(v4?.subnet_mask ?? "");
  const isServing = v4 !== undefined && prefix !== undefined && isIPv4(v4.gateway_ip);
  const pools = isServing && isIPv4(v4.range_start) ? [{ first: v4.range_start, last: v4.range_end }] : [];
  return {
    networks: isServing ? [{ cidr: `${v4.gateway_ip}/${prefix}`, pools }] : undefined,
    isNameless: true,
    ...(!enabled && { off: turnOn("Settings > DHCP settings") }),
  };
}

async function apply(settings: Settings, table: Table, signal: AbortSignal): Promise<string[]> {
  const adGuard = openAdGuard(settings, signal);
  const before = await adGuard.status();
  refuseMisfits(titleOf(settings), serviceOf(before), table);
  const entries = entriesOf(before.static_leases);
  const ours = entries.filter((entry) => isOurs(entry, table));
  const others = entries.filter((entry) => !ours.includes(entry));
  const planned = planTable(settings.url, others, table.reservations);
  const now = reservationsIn(ours);
  const changes = changesBetween(now, planned.own);
  const count = changes.removed.length + changes.updated.length + changes.added.length;
  if (count > 0) await change(adGuard, settings, changes, (after) => readBack(settings, after, changes, table));

  const told = difference([...now, ...planned.adopted.map(({ reservation }) => reservation)], table.reservations);
  const seconds = Date.now() / 1000;
  return [
    ...differenceLines(told),
    ...(count > 0 ? [withoutName] : []),
    ...table.reservations.flatMap((one) => leaseNote(leasesOf(before.leases), one, seconds) ?? []),
  ];
}

const withoutName =
  "AdGuard Home sends a machine no name with a fixed address, so it takes its name from the image or from DNS (docs/routers/adguard.md)";

/**
 * An entry of a machine that the stack's last table had, or of that machine's board before. One of a machine that
 * leaves the stack must be exactly as it was: it may have become somebody else's.
 */
function isOurs(entry: Entry, { previous = [], reservations }: Table): boolean {
  const isIts = ({ mac, ip, name }: Reservation) =>
    entry.macs.includes(mac) || (entry.ip === ip && entry.name === name);
  if (!previous.some(isIts)) return false;
  return reservations.some(isIts) || previous.some((one) => says(entry, one));
}

/** Makes changes and checks the result. If that fails or is interrupted, puts back what was there. */
async function change(
  adGuard: AdGuard,
  settings: Settings,
  changes: Changes,
  check: (after: readonly Entry[]) => void,
): Promise<void> {
  const work = async () => {
    await carryOut(adGuard, changes);
    check(entriesOf((await adGuard.status()).static_leases));
  };
  await orPutBack(settings.url, work, () => undo(settings, changes));
}

async function carryOut(adGuard: AdGuard, { removed, updated, added }: Changes): Promise<void> {
  for (const one of removed) await adGuard.remove(one);
  for (const { to } of updated) await adGuard.update(to);
  for (const one of added) await adGuard.add(one);
}

/** Not stopped by ^C; which of the changes were made is seen on the router. */
async function undo(settings: Settings, { removed, updated, added }: Changes): Promise<void> {
  const adGuard = openAdGuard(settings, new AbortController().signal);
  const made = [...added, ...updated.map(({ to }) => to)];
  const was = [...removed, ...updated.map(({ from }) => from)];
  const entries = reservationsIn(entriesOf((await adGuard.status()).static_leases));
  const concerned = entries.filter(({ mac }) => [...made, ...was].some((one) => one.mac === mac));
  await carryOut(adGuard, changesBetween(concerned, was));
}

function readBack(settings: Settings, after: readonly Entry[], { removed }: Changes, { reservations }: Table): void {
  const isWanted = (entry: Entry) => reservations.some((one) => says(entry, one));
  const others = after.filter((entry) => !isWanted(entry));
  refuseConflicts(settings.url, others, reservations);
  const back = removed.filter((one) => others.some((entry) => says(entry, one)));
  refuseLost(`AdGuard Home at ${settings.url}`, "them", [...missingFrom(after, reservations), ...back]);
}

async function clear(settings: Settings, reservations: readonly Reservation[], signal: AbortSignal): Promise<string[]> {
  const adGuard = openAdGuard(settings, signal);
  const { static_leases } = await adGuard.status();
  const there = reservationsIn(entriesOf(static_leases)).filter((entry) =>
    reservations.some(({ mac, ip, name }) => entry.mac === mac && entry.ip === ip && entry.name === name),
  );
  if (there.length === 0) return [`AdGuard Home at ${settings.url} has none of the stack's reservations any more`];
  await change(adGuard, settings, { removed: there, updated: [], added: [] }, (after) => {
    if (there.some((one) => after.some((entry) => says(entry, one))))
      throw new UserError(
        `AdGuard Home at ${settings.url} has reservations of the stack again: something else writes them`,
      );
  });
  return [`removed ${there.length} reservations on AdGuard Home at ${settings.url}`];
}

const leasesOf = (leases: readonly (Stored & { expires: string })[]): Lease[] =>
  leases.map(({ mac, ip, hostname, expires }) => ({
    mac: mac.toLowerCase(),
    ip,
    name: hostname,
    expires: Date.parse(expires) / 1000 || 0,
  }));
