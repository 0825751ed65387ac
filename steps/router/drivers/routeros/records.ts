import { isIPv4 } from "node:net";
import type { Entry, Lease } from "../../base/driver.ts";
import type { Placed } from "../../base/place.ts";
import type { Inventory, LeaseRecord, OptionRecord } from "./api.ts";

/** A fixed lease of ours, as it is or is to be. */
export interface OwnLease {
  /** Lower case. */
  mac: string;
  ip: string;
  /** The DHCP server that it is for. */
  server: string;
  /** The names of the options that go with it. */
  option: string;
  isDisabled: boolean;
}

/** An option with a host name: RouterOS has no other way to send one with a fixed lease. */
export interface OwnOption {
  name: string;
  code: string;
  /** The host name. */
  text: string;
}

/** What a stack has on the router. */
export interface Owned {
  leases: OwnLease[];
  options: OwnOption[];
}

/** The comment of a stack's leases and options, and how its options' names begin. */
export const markOf = (owner: string) => `piinit.${owner}`;

export const isOwnLease = (owner: string) => (record: LeaseRecord) =>
  record.comment === markOf(owner) && record.dynamic !== "true";

/** Host names have no dots, so `piinit.a.b` is of stack a, not of one called a.b. */
export const isOwnOption = (owner: string) => (record: OptionRecord) =>
  record.name.startsWith(`${markOf(owner)}.`) && !record.name.slice(markOf(owner).length + 1).includes(".");

const optionName = (owner: string, name: string) => `${markOf(owner)}.${name}`;

export function ownedBy(owner: string, { leases, options }: Inventory): Owned {
  return {
    leases: leases.filter(isOwnLease(owner)).map(asLease),
    options: options.filter(isOwnOption(owner)).map(asOption),
  };
}

export const asLease = (record: LeaseRecord): OwnLease => ({
  mac: record["mac-address"]?.toLowerCase() ?? "",
  ip: record.address ?? "",
  server: record.server ?? "all",
  option: record["dhcp-option"] ?? "",
  isDisabled: record.disabled === "true",
});

export const asOption = (record: OptionRecord): OwnOption => ({
  name: record.name,
  code: record.code,
  text: textOf(record),
});

/** What makes these reservations; each has the name of the DHCP server for it. */
export function ownedFor(owner: string, reservations: readonly Placed[]): Owned {
  return {
    leases: reservations.map(({ mac, ip, name, network }) => ({
      mac,
      ip,
      server: network,
      option: optionName(owner, name),
      isDisabled: false,
    })),
    options: reservations.map(({ name }) => ({ name: optionName(owner, name), code: "12", text: name })),
  };
}

export const leaseFields = (owner: string, { mac, ip, server, option, isDisabled }: OwnLease) => ({
  "mac-address": mac.toUpperCase(),
  address: ip,
  server,
  "dhcp-option": option,
  comment: markOf(owner),
  disabled: isDisabled ? "yes" : "no",
});

/** In hexadecimal, because RouterOS would take a text of digits for a number. */
export const optionFields = (owner: string, { name, code, text }: OwnOption) => ({
  name,
  code,
  value: `0x${Buffer.from(text, "latin1").toString("hex")}`,
  comment: markOf(owner),
});

function textOf({ value = "", "raw-value": raw }: OptionRecord): string {
  const hex = raw ?? /^0x([0-9a-f]*)$/i.exec(value)?.[1];
  if (hex !== undefined) return Buffer.from(hex, "hex").toString("latin1");
  return /^s?'(.*)'$/.exec(value)?.[1] ?? "";
}

/** The fixed leases that are in force, as entries. */
export function entriesOf({ leases, options }: Inventory, isWanted: (record: LeaseRecord) => boolean): Entry[] {
  const names = new Map(
    options.filter(({ code }) => code === "12").map((one) => [one.name, textOf(one).toLowerCase()]),
  );
  const inForce = leases.filter((one) => one.dynamic !== "true" && one.disabled !== "true");
  return inForce.filter(isWanted).map((record) => {
    const { address = "", "mac-address": mac = "", comment } = record;
    const name = record["dhcp-option"]
      ?.split(",")
      .map((one) => names.get(one.trim()))
      .find(Boolean);
    return {
      source: "RouterOS's leases",
      text: [mac, address, name, comment && `(${comment})`].filter(Boolean).join(" "),
      macs: mac ? [mac.toLowerCase()] : [],
      // It may also be the name of a pool.
      ip: isIPv4(address) ? address : undefined,
      name,
      ignored: false,
    };
  });
}

/** The leases that machines hold at `now` (in seconds since 1970). */
export function boundLeases({ leases }: Inventory, now: number): Lease[] {
  return leases.flatMap((record) => {
    const ip = record["active-address"];
    if (record.status !== "bound" || !ip) return [];
    const mac = record["active-mac-address"] ?? record["mac-address"] ?? "";
    const seconds = secondsIn(record["expires-after"] ?? "");
    return [
      { mac: mac.toLowerCase(), ip, name: record["host-name"] ?? "", expires: seconds && Math.ceil(now + seconds) },
    ];
  });
}

const secondsPer: Readonly<Record<string, number>> = { w: 604_800, d: 86_400, h: 3600, m: 60, s: 1 };

/** "1d2h3m4s" or "1d02:03:04"; 0 for anything else, as for a lease without an end. */
function secondsIn(duration: string): number {
  const clock = /(\d+):(\d+):(\d+)$/.exec(duration)?.slice(1) ?? [];
  const [hours = 0, minutes = 0, seconds = 0] = clock.map(Number);
  const parts = [...duration.matchAll(/(\d+)([wdhms])/g)];
  const sum = parts.reduce((total, [, count, unit = ""]) => total + Number(count) * (secondsPer[unit] ?? 0), 0);
  return sum + hours * 3600 + minutes * 60 + seconds;
}
