import { UserError } from "../../lib/errors.ts";
import type { Entry } from "./dnsmasq-config.ts";
import type { Lease, Reservation } from "./router.ts";

/** The name of our file for a MAC: one file per machine, so that every change is one rename. */
export function fileNameFor(mac: string): string {
  return `piinit-${mac.replaceAll(":", "-")}`;
}

/** What stands in our file. */
export function lineFor({ mac, ip, name }: Reservation): string {
  return `${mac},${ip},${name}`;
}

/** "pi1: b8:27:eb:00:00:01 → 192.168.2.51", as every message writes a reservation. */
export function describe({ name, mac, ip }: Reservation): string {
  return `${name}: ${mac} → ${ip}`;
}

/** The entry, if any, that says all that the reservation says. */
export function entrySaying(entries: readonly Entry[], reservation: Reservation): Entry | undefined {
  return entries.find((entry) => says(entry, reservation));
}

/**
 * Refuses a reservation that entries of others contradict: the same address or name for another MAC,
 * or the same MAC with other values. Names all of them at once.
 */
export function refuseConflicts(router: string, others: readonly Entry[], reservation: Reservation): void {
  const conflicts = others.flatMap((entry) => conflict(entry, reservation) ?? []);
  if (conflicts.length === 0) return;
  throw new UserError(
    [
      `${describe(reservation)} can't be reserved on ${router}:`,
      ...conflicts.map((text) => `  ${text}`),
      "Change the stack's machine, or that entry on the router.",
    ].join("\n"),
  );
}

function conflict(entry: Entry, { mac, ip, name }: Reservation): string | undefined {
  if (says(entry, { mac, ip, name })) return undefined;
  const where = `in ${entry.source} ("${entry.text}")`;
  if (entry.macs.includes(mac)) return `${mac} has another entry ${where}`;
  const same = [entry.ip === ip && ip, entry.name === name && `the name ${name}`].filter(Boolean);
  if (same.length === 0) return undefined;
  return `${same.join(" and ")} belongs to ${entry.macs.join(", ") || "another machine"} ${where}`;
}

function says(entry: Entry, { mac, ip, name }: Reservation): boolean {
  return entry.macs.includes(mac) && entry.ip === ip && entry.name === name && !entry.ignored;
}

/** A reservation does not displace a lease that is out: tells which one stands in its way, and until when. */
export function leaseNote(leases: readonly Lease[], { name, mac, ip }: Reservation, now: number): string | undefined {
  const current = leases.filter(({ expires }) => expires === 0 || expires > now);
  const taken = current.find((lease) => lease.ip === ip && lease.mac !== mac);
  if (taken)
    return `${ip} is still leased to ${taken.mac}${taken.name && ` (${taken.name})`} ${until(taken)}; ${name} gets it after that`;
  const own = current.find((lease) => lease.mac === mac && lease.ip !== ip);
  return own && `${name} still has ${own.ip} ${until(own)}; it gets ${ip} when it renews or restarts`;
}

function until({ expires }: Lease): string {
  if (expires === 0) return "by a lease without an end";
  const time = new Date(expires * 1000).toISOString();
  return `until its lease ends at ${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}
