import { hostsOf } from "../../lib/network.ts";
import { columns } from "../../lib/words.ts";
import type { CurrentLease } from "../../steps/router/base/driver.ts";
import { isRaspberryPi, makerOf } from "./makers.ts";

/** A machine of the stack, as far as it matters here. */
export interface KnownMachine {
  name: string;
  mac: string;
  ip: string;
}

/** The leases as a table for users: Raspberry Pis first, then by address. */
export function leaseTable(leases: readonly CurrentLease[], machines: readonly KnownMachine[]): string[] {
  const rows = inOrder(leases).map(({ mac, ip, name, isReserved }) => [
    mac,
    ip,
    clean(name),
    makerOf(mac),
    isReserved ? "reserved" : "",
    machines.find((one) => one.mac === mac)?.name ?? "",
  ]);
  return columns([["MAC ADDRESS", "IP ADDRESS", "NAME", "MAKER", "", "IN THE STACK AS"], ...rows]);
}

/**
 * Lines for the stack's file: the Raspberry Pis that it lacks, with names and addresses that nobody has. One for which
 * the router already reserves something keeps that, as `up` would refuse anything else.
 */
export function linesToAdd(
  leases: readonly CurrentLease[],
  {
    machines,
    cidr,
    image,
    taken = [],
  }: { machines: readonly KnownMachine[]; cidr: string; image: string; taken?: readonly string[] },
): string[] {
  const boards = inOrder(leases).filter(({ mac }) => isRaspberryPi(mac) && !machines.some((one) => one.mac === mac));
  const names = freeNames(machines.map(({ name }) => name));
  const addresses = freeAddresses(cidr, [...taken, ...machines.map(({ ip }) => ip), ...leases.map(({ ip }) => ip)]);
  return boards.flatMap((board) => {
    const hasName = board.isReserved && isHostname(board.name) && !machines.some(({ name }) => name === board.name);
    const name = hasName ? board.name : names.next().value;
    const ip = board.isReserved ? board.ip : addresses.next().value;
    return ip ? [`    - {name: ${name}, mac: "${board.mac}", ip: ${ip}, image: ${image}}`] : [];
  });
}

function inOrder(leases: readonly CurrentLease[]): CurrentLease[] {
  const rank = ({ mac, ip }: CurrentLease) =>
    [isRaspberryPi(mac) ? 0 : 1, ...ip.split(".")].map((part) => String(part).padStart(3, "0")).join();
  return leases.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

function* freeNames(taken: readonly string[]): Generator<string, never> {
  for (let number = 1; ; number++) if (!taken.includes(`pi${number}`)) yield `pi${number}`;
}

function* freeAddresses(cidr: string, taken: readonly string[]): Generator<string, undefined> {
  for (const ip of hostsOf(cidr, 51)) if (!taken.includes(ip)) yield ip;
  return undefined;
}

const isHostname = (name: string) => /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name);

/** A machine chooses its own name: none may move a terminal's cursor. */
const clean = (name: string) => name.replace(/\p{C}/gu, "").slice(0, 63);
