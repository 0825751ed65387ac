import { isIPv4 } from "node:net";
import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import { prefixOf } from "../../../../lib/network.ts";
import { type Driver, type Entry, kind, type Lease, type Reservation, type Table } from "../../base/driver.ts";
import { refuseMisfits, turnOn } from "../../base/fit.ts";
import { outcomeLines, refuseMissing } from "../../base/outcome.ts";
import type { Service } from "../../base/service.ts";
import { planTable, refuseConflicts, refuseStrangers, reservationsIn } from "../../base/table.ts";
import { fitsUrl, hostIn, NotLetIn, Refusal, webSettings } from "../../base/web.ts";
import { parseEntry } from "../dnsmasq/config.ts";
import { type Dhcp, type PiHole, withPiHole } from "./api.ts";

const schema = z
  .strictObject({
    kind: z.literal("pihole").meta(kind),
    ...webSettings("https://192.168.2.2"),
    password: z
      .string()
      .min(1)
      .meta({ description: "The password of its web interface.", example: "correct horse", secret: "always" }),
  })
  .refine(...fitsUrl);

function titleOf({ url }: { url: string }): string {
  return `Pi-hole at ${url}`;
}

/**
 * Pi-hole, version 6, whose fixed leases are `dhcp-host` values of the dnsmasq inside it. Ours have a tag with the
 * stack's name. All are replaced at once by one request, which Pi-hole checks first; it starts again for that.
 */
export const pihole = {
  schema,
  host: hostIn,
  title: titleOf,
  apply: (settings, table, { signal }) => withPiHole(settings, signal, (piHole) => apply(piHole, table)),
  look: (settings, { owner }, { signal }) =>
    withPiHole(settings, signal, async (piHole) => {
      const dhcp = await piHole.dhcp();
      const isOurs = isOf(owner);
      return {
        service: { ...serviceOf(dhcp), denied: await piHole.whyDenied() },
        leases: await leasesOf(piHole),
        entries: entriesOf(dhcp.hosts),
        others: entriesOf(dhcp.hosts.filter((host) => !isOurs(host))),
      };
    }),
  clear: (settings, { owner }, { signal }) => withPiHole(settings, signal, (piHole) => clear(piHole, owner)),
} satisfies Driver<z.output<typeof schema>>;

const source = "Pi-hole's settings (dhcp.hosts)";
const tagOf = (owner: string) => `set:piinit.${owner}`;
const lineFor = (owner: string, { mac, ip, name }: Reservation) => `${mac},${tagOf(owner)},${ip},${name}`;
const entriesOf = (hosts: readonly string[]): Entry[] => hosts.map((host) => parseEntry(source, host));
const isOf = (owner: string) => (host: string) => host.split(",").some((field) => field.trim() === tagOf(owner));

function serviceOf({ active, start, end, router, netmask }: Dhcp): Service {
  const prefix = prefixOf(netmask);
  const pools = [{ first: start, last: end }].filter(({ first, last }) => isIPv4(first) && isIPv4(last));
  const cidr = prefix === undefined || !isIPv4(router) ? undefined : `${router}/${prefix}`;
  return { networks: [{ cidr, pools }], ...(!active && { off: turnOn("Settings > DHCP") }) };
}

async function apply(piHole: PiHole, table: Table): Promise<string[]> {
  const { owner, reservations } = table;
  const dhcp = await piHole.dhcp();
  const { hosts } = dhcp;
  refuseMisfits(titleOf(piHole), { ...serviceOf(dhcp), denied: await piHole.whyDenied() }, table);
  const isOurs = isOf(owner);
  const others = hosts.filter((host) => !isOurs(host));
  const ours = entriesOf(hosts.filter(isOurs));
  refuseStrangers(`Pi-hole at ${piHole.url}`, `remove the entries with ${tagOf(owner)} there`, ours, table);
  const planned = planTable(piHole.url, entriesOf(others), reservations);
  const wanted = [...others, ...planned.own.map((one) => lineFor(owner, one))];
  const leases = await leasesOf(piHole);
  if (!isSame(hosts, wanted)) await replace(piHole, hosts, wanted, reservations);
  return outcomeLines(reservationsIn(ours), planned, reservations, leases);
}

/** The order of entries means nothing. */
const isSame = (a: readonly string[], b: readonly string[]) => [...a].sort().join("\n") === [...b].sort().join("\n");

/** Replaces all entries and checks the result; if somebody else contradicted it meanwhile, ours are as before. */
async function replace(
  piHole: PiHole,
  before: readonly string[],
  wanted: readonly string[],
  reservations: readonly Reservation[],
): Promise<void> {
  const after = await replaced(piHole, wanted);
  const added = wanted.filter((host) => !before.includes(host));
  const others = after.filter((host) => !wanted.includes(host));
  try {
    refuseConflicts(piHole.url, entriesOf(others), reservations);
  } catch (error) {
    const removed = before.filter((host) => !wanted.includes(host));
    await piHole.replaceHosts([...after.filter((host) => !added.includes(host)), ...removed]);
    throw error;
  }
  refuseMissing(`Pi-hole at ${piHole.url}`, "its settings", entriesOf(after), reservations);
}

/** Replaces all entries, and reads them back. If that fails, Pi-hole may have done so all the same. */
async function replaced(piHole: PiHole, wanted: readonly string[]): Promise<string[]> {
  try {
    await piHole.replaceHosts(wanted);
    return await piHole.hosts();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // To a change it says no; not to be let in again may come after it.
    if (error.cause instanceof Refusal && !(error instanceof NotLetIn)) throw error;
    const state = "Pi-hole has all of the old reservations or all of the new ones: run the same command again.";
    throw new UserError(`${error.message}\n${state}`, { cause: error });
  }
}

async function clear(piHole: PiHole, owner: string): Promise<string[]> {
  const hosts = await piHole.hosts();
  const others = hosts.filter((host) => !isOf(owner)(host));
  const count = hosts.length - others.length;
  if (count === 0) return [`Pi-hole at ${piHole.url} has no reservations of stack ${owner} any more`];
  if ((await replaced(piHole, others)).some(isOf(owner)))
    throw new UserError(
      `Pi-hole at ${piHole.url} has reservations of stack ${owner} again: something else writes them`,
    );
  return [`removed ${count} reservations on Pi-hole at ${piHole.url}`];
}

async function leasesOf(piHole: PiHole): Promise<Lease[]> {
  const leases = await piHole.leases();
  return leases.map(({ hwaddr, ip, name, expires }) => ({
    mac: hwaddr.toLowerCase(),
    ip,
    name: name === "*" ? "" : name,
    expires,
  }));
}
