import { z } from "zod";
import { networkOf, prefixOf } from "../../../../lib/network.ts";
import type { Lease, Reservation } from "../../base/driver.ts";
import { hostNameIn } from "../../base/host-name.ts";
import type { Row } from "../../base/rows.ts";
import type { Pool, ServedNetwork } from "../../base/service.ts";

/** One of OPNsense's DHCP servers: where its rows are, what they look like, and how users find it. */
export interface DhcpServer {
  name: string;
  /** In OPNsense's menu. */
  page: string;
  privilege: string;
  /** The parts of its addresses: /api/AREA/TABLE/search_ITEM. */
  area: string;
  table: string;
  item: string;
  leaseTable: string;
  /** What it serves, at /api/AREA/TABLE/search_NETWORK. Kea's rows each belong to one of these. */
  network: string;
  networks: z.ZodType<{ rows: (ServedNetwork & { uuid: string; domain: string })[] }>;
  rows: z.ZodType<{ rows: StoredRow[] }>;
  leases: z.ZodType<{ rows: Lease[] }>;
  /** A reservation's fields. */
  fields(reservation: Reservation, subnet: string): Record<string, string>;
  /** The field for what its maker wrote about it. */
  description: string;
}

export interface StoredRow extends Row {
  /** The id or the address of its subnet. */
  subnet: string;
  isReservation: boolean;
}

/** Absent and empty are the same. */
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");
const number = z
  .union([z.string(), z.number()])
  .nullish()
  .transform((value) => Number(value ?? 0) || 0);
const listOf = <T extends z.ZodType>(row: T) => z.object({ rows: z.array(row) });

const macsIn = (list: string): string[] => parts(list).map((mac) => mac.toLowerCase().replaceAll("-", ":"));
const parts = (list: string): string[] =>
  list
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
const isIpv4 = (ip: string): boolean => /^\d+(\.\d+){3}$/.test(ip);

function entryOf(source: string, { hwaddr, ip, host }: { hwaddr: string; ip: string; host: string }) {
  const [address] = parts(ip).filter(isIpv4);
  const name = hostNameIn(host);
  return {
    source,
    text: [hwaddr, ip, host].filter(Boolean).join(" "),
    macs: macsIn(hwaddr),
    ...(address && { ip: address }),
    ...(name && { name }),
  };
}

const keaReservation = z
  .object({ uuid: z.string(), subnet: text, hw_address: text, ip_address: text, hostname: text, description: text })
  .transform(
    ({ uuid, subnet, hw_address: hwaddr, ip_address: ip, hostname: host, description }): StoredRow => ({
      ...entryOf("OPNsense's Kea reservations", { hwaddr, ip, host }),
      id: uuid,
      subnet,
      description,
      ignored: false,
      isReservation: true,
    }),
  );

const lease = z
  .object({ hwaddr: text, address: z.string(), hostname: text, expire: number, state: number })
  .transform(({ hwaddr, address: ip, hostname, expire: expires, state }) => ({
    mac: hwaddr.toLowerCase(),
    ip,
    name: hostname === "*" ? "" : hostNameIn(hostname),
    expires,
    state,
  }));
const leases = listOf(lease).transform(({ rows }) => ({
  rows: rows.filter(({ ip, mac, state }) => isIpv4(ip) && mac && state === 0).map(({ state: _, ...one }) => one),
}));

const keaSubnet = z
  .object({ uuid: z.string(), subnet: z.string(), pools: text, "option_data.domain_name": text })
  .transform(({ uuid, subnet: cidr, pools, "option_data.domain_name": domain }) => ({
    uuid,
    cidr,
    domain,
    pools: pools.split(/[\s,]+/).flatMap((pool) => poolOf(...pool.split("-")) ?? []),
  }));

const dnsmasqRange = z
  .object({ uuid: z.string(), start_addr: z.string(), end_addr: text, subnet_mask: text, mode: text, domain: text })
  .transform(({ uuid, start_addr: start, end_addr: end, subnet_mask: mask, mode, domain }) => {
    const prefix = prefixOf(mask);
    const pool = poolOf(start, end || start);
    return {
      uuid,
      domain,
      cidr: prefix === undefined ? undefined : `${networkOf(`${start}/${prefix}`).network}/${prefix}`,
      inside: start,
      pools: pool && !mode.includes("static") ? [pool] : [],
      isIpv4: isIpv4(start),
    };
  });

function poolOf(first = "", last = ""): Pool | undefined {
  return isIpv4(first) && isIpv4(last) ? { first, last } : undefined;
}

const kea: DhcpServer = {
  name: "Kea",
  page: "Services > Kea DHCP > Kea DHCPv4",
  privilege: "Services: DHCP: Kea(v4)",
  area: "kea",
  table: "dhcpv4",
  item: "reservation",
  leaseTable: "leases4",
  network: "subnet",
  networks: listOf(keaSubnet),
  rows: listOf(keaReservation),
  leases,
  fields: ({ mac, ip, name }, subnet) => ({ subnet, hw_address: mac, ip_address: ip, hostname: name }),
  description: "description",
};

const dnsmasqHost = z
  .object({ uuid: z.string(), host: text, ip: text, hwaddr: text, client_id: text, ignore: text, descr: text })
  .transform(
    ({ uuid, host, ip, hwaddr, client_id, ignore, descr }): StoredRow => ({
      ...entryOf("OPNsense's dnsmasq hosts", { hwaddr, ip, host }),
      id: uuid,
      subnet: "",
      description: descr,
      ignored: ignore === "1",
      // The others are names for DNS.
      isReservation: hwaddr !== "" || client_id !== "",
    }),
  );

const dnsmasq: DhcpServer = {
  name: "dnsmasq",
  page: "Services > Dnsmasq DNS & DHCP",
  privilege: "Services: Dnsmasq DNS/DHCP: Settings",
  area: "dnsmasq",
  table: "settings",
  item: "host",
  leaseTable: "leases",
  network: "range",
  networks: listOf(dnsmasqRange).transform(({ rows }) => ({
    rows: rows.filter((row) => row.isIpv4).map(({ isIpv4: _, ...range }) => range),
  })),
  rows: listOf(dnsmasqHost),
  leases,
  fields: ({ mac, ip, name }) => ({ hwaddr: mac, ip, host: name }),
  description: "descr",
};

export const servers = { kea, dnsmasq };
