import { z } from "zod";
import type { Lease } from "../../base/driver.ts";
import { hostNameIn } from "../../base/host-name.ts";
import type { Row } from "../../base/rows.ts";

/** Absent, null and empty are the same. */
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");

const normalMac = (mac: string): string => mac.toLowerCase().replaceAll("-", ":");

/** A static mapping, with all of its fields. Its id is its place in the list, which is sorted anew by each change. */
export const mapping = z.looseObject({
  id: z.int(),
  mac: text,
  ipaddr: text,
  hostname: text,
  descr: text,
});
export type Mapping = z.output<typeof mapping>;
export const mappings = z.array(mapping);

export function rowOf({ id, mac, ipaddr: ip, hostname, descr: description }: Mapping): Row {
  const name = hostNameIn(hostname);
  return {
    source: "pfSense's static mappings",
    text: [mac, ip, hostname].filter(Boolean).join(" "),
    macs: mac ? [normalMac(mac)] : [],
    ...(ip && { ip }),
    ...(name && { name }),
    ignored: false,
    id: String(id),
    description,
  };
}

const range = z.object({ range_from: text, range_to: text });

/** The DHCP server of one interface. */
export const dhcpServer = range.extend({
  domain: text,
  enable: z
    .boolean()
    .nullish()
    .transform((value) => value === true),
  pool: z
    .array(range)
    .nullish()
    .transform((value) => value ?? []),
});

export const applyStatus = z.object({ applied: z.boolean() });

/** Those in force, with machines that are there by a static mapping: of these it knows no end. */
export const leaseList = z
  .array(z.object({ ip: text, mac: text, hostname: text, ends: text, active_status: text, online_status: text }))
  .transform((leases) =>
    leases
      .filter(({ active_status: status, online_status: there }) =>
        status === "static" ? /^(active|online)/.test(there) : status === "active",
      )
      .map(({ ip, mac, hostname, ends, active_status: status }): Lease & { isStatic: boolean } => ({
        ip,
        mac: normalMac(mac),
        name: hostNameIn(hostname),
        expires: status === "static" ? 0 : secondsOf(ends),
        isStatic: status === "static",
      })),
  );

/** "2026/11/25 19:00:43", in UTC unless pfSense was told to show local time; 0 if it can't be read. */
function secondsOf(time: string): number {
  const [, date, clock] = /^(\d{4}\/\d\d\/\d\d) (\d\d:\d\d:\d\d)/.exec(time) ?? [];
  return date ? Date.parse(`${date.replaceAll("/", "-")}T${clock}Z`) / 1000 : 0;
}
