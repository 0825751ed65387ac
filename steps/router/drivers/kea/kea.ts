import { UserError } from "../../../../lib/errors.ts";
import type { Driver, Found, Reservation, Table } from "../../base/driver.ts";
import { refuseMisfits } from "../../base/fit.ts";
import { outcomeLines, refuseLost } from "../../base/outcome.ts";
import { place } from "../../base/place.ts";
import {
  difference,
  differenceLines,
  missingFrom,
  planTable,
  refuseConflicts,
  refuseStrangers,
} from "../../base/table.ts";
import { hostIn } from "../../base/web.ts";
import { replaceOwn } from "./change.ts";
import type { Channels } from "./channel.ts";
import { type Kea, openKea } from "./commands.ts";
import { type Configuration, entriesOf, ownOf, subnetsOf } from "./config.ts";
import { overHttp, titleOverHttp } from "./http.ts";
import { networksOf, serviceOf, whyDenied } from "./served.ts";
import { type KeaSettings, schema, wayOf } from "./settings.ts";
import { titleOverSsh, withSocket } from "./ssh.ts";

/**
 * Kea's DHCP server. With its hook library `host_cmds` each reservation is a command; without, the whole configuration
 * is replaced. Ours have the stack's name in their `user-context`.
 */
export const kea = {
  schema,
  host(settings) {
    const way = wayOf(settings);
    return "ssh" in way ? way.ssh.host : hostIn(way.http);
  },
  title(settings) {
    const way = wayOf(settings);
    return "ssh" in way ? titleOverSsh(way.ssh) : titleOverHttp(way.http);
  },
  apply: (settings, table, { signal }) =>
    withKea(settings, signal, (look, act) => apply(look, act, settings, table, signal)),
  look: (settings, { owner }, { signal }) => withKea(settings, signal, (server) => lookAt(server, settings, owner)),
  clear: (settings, { owner }, { signal }) =>
    withKea(settings, signal, (look, act) => clear(look, act, settings, owner, signal)),
} satisfies Driver<KeaSettings>;

/** `look` is interrupted by the user's ^C, `act` is not. */
async function withKea<T>(
  settings: KeaSettings,
  signal: AbortSignal,
  work: (look: Kea, act: Kea) => Promise<T>,
): Promise<T> {
  const open = ({ look, act }: Channels) => work(openKea(look), openKea(act));
  const way = wayOf(settings);
  return "ssh" in way ? withSocket(way.ssh, signal, open) : open(overHttp(way.http, signal));
}

async function lookAt(server: Kea, { persist }: KeaSettings, owner: string): Promise<Found> {
  const [commands, config] = [await server.commands(), await server.config()];
  const ids = new Set(subnetsOf(config).map(({ id }) => id));
  const tellsLeases = commands.has("lease4-get-all");
  return {
    service: { ...serviceOf(config), denied: whyDenied(commands, persist) },
    leases: tellsLeases ? await server.leases([...ids]) : [],
    ...(!tellsLeases && { untold: `${server.title} tells no leases: load its hook library libdhcp_lease_cmds.so` }),
    entries: entriesOf(config, ids),
    others: entriesOf(config, ids, owner),
  };
}

async function apply(look: Kea, act: Kea, settings: KeaSettings, table: Table, signal: AbortSignal): Promise<string[]> {
  const { owner, reservations } = table;
  const [commands, { config: before, hash }] = [await look.commands(), await look.look()];
  refuseMisfits(look.title, { ...serviceOf(before), denied: whyDenied(commands, settings.persist) }, table);
  const placed = (some: readonly Reservation[]) => place(networksOf(before), some);
  const subnetIds = new Set(placed(reservations).map(({ network }) => network));
  const own = ownOf(before, owner);
  const marked = own.map((one) => ({ source: look.title, text: "", macs: [one.mac], ...one, ignored: false }));
  refuseStrangers(look.title, "remove them there", marked, table);
  const planned = planTable(look.title, entriesOf(before, subnetIds, owner), reservations);
  const wanted = placed(planned.own);

  const leases = commands.has("lease4-get-all") ? await look.leases([...subnetIds]) : [];
  refuseInterrupted(look.title, signal);
  const change = {
    owner,
    wanted,
    before,
    hash,
    hasHostCommands: commands.has("reservation-add"),
    isKept: settings.persist,
  };
  await replaceOwn(act, change, (after) => {
    refuseConflicts(look.title, entriesOf(after, subnetIds, owner), reservations);
    refuseLost(look.title, "its configuration", lost(after, reservations));
  });

  return [
    ...outcomeLines(own, planned, reservations, leases),
    ...(settings.persist ? [] : ["Kea keeps this until it starts again; with persist: true, it writes it to its file"]),
  ];
}

function refuseInterrupted(title: string, signal: AbortSignal): void {
  if (signal.aborted) throw new UserError(`interrupted while talking to ${title}, before anything was changed`);
}

/** Kea writes its file even if it has nothing of the stack: an earlier run may have been cut off just before that. */
async function clear(
  look: Kea,
  act: Kea,
  settings: KeaSettings,
  owner: string,
  signal: AbortSignal,
): Promise<string[]> {
  const [commands, { config: before, hash }] = [await look.commands(), await look.look()];
  const own = ownOf(before, owner);
  refuseInterrupted(look.title, signal);
  const hasHostCommands = commands.has("reservation-add");
  const change = { owner, wanted: [], before, hash, hasHostCommands, isKept: settings.persist };
  await replaceOwn(act, change, (after) => {
    if (ownOf(after, owner).length > 0)
      throw new UserError(`${look.title} still has reservations of stack ${owner}: something else writes them`);
  });
  if (own.length === 0) return [`${look.title} has no reservations of stack ${owner} any more`];
  return differenceLines(difference(own, []));
}

function lost(config: Configuration, reservations: readonly Reservation[]): Reservation[] {
  const entries = entriesOf(config, new Set(subnetsOf(config).map(({ id }) => id)));
  return missingFrom(entries, reservations);
}
