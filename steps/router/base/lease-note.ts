import type { CurrentLease, Entry, Lease, Reservation } from "./driver.ts";

/**
 * A reservation does not displace an active lease: names the lease in its way and when that ends (`now` is in seconds
 * since 1970), if there is one.
 */
export function leaseNote(leases: readonly Lease[], { name, mac, ip }: Reservation, now: number): string | undefined {
  const current = leases.filter((lease) => isCurrent(lease, now));
  const taken = current.find((lease) => lease.ip === ip && lease.mac !== mac);
  if (taken)
    return `${ip} is still leased to ${taken.mac}${taken.name && ` (${taken.name})`} ${until(taken)}; ${name} gets it after that`;
  const own = current.find((lease) => lease.mac === mac && lease.ip !== ip);
  return own && `${name} still has ${own.ip} ${until(own)}; it gets ${ip} when it renews or restarts`;
}

/** The leases that count now (in seconds since 1970), each with whether an entry reserves something for its MAC. */
export function currentLeases(leases: readonly Lease[], entries: readonly Entry[], now: number): CurrentLease[] {
  const macs = new Set(entries.flatMap((entry) => (entry.ignored ? [] : entry.macs)));
  return leases
    .filter((lease) => isCurrent(lease, now))
    .map((lease) => ({ ...lease, isReserved: macs.has(lease.mac) }));
}

const isCurrent = ({ expires }: Lease, now: number) => !expires || expires > now;

function until({ expires }: Lease): string {
  if (expires === undefined) return "until its lease ends";
  if (expires === 0) return "by a lease without an end";
  const time = new Date(expires * 1000).toISOString();
  return `until its lease ends at ${time.slice(0, 10)} ${time.slice(11, 16)} UTC`;
}
