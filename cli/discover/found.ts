import { hostsOf } from "../../lib/network.ts";
import { columnsWithin } from "../../lib/words.ts";
import type { CurrentLease } from "../../steps/router/base/driver.ts";
import { isRaspberryPi, type MakerOf } from "./makers.ts";

/** A machine of the stack, as far as it matters here. */
export interface KnownMachine {
  name: string;
  mac: string;
  ip: string;
}

/** A machine as the stack's file has it. */
export interface NewMachine extends KnownMachine {
  image: string;
}

/**
 * The leases as a table for users: Raspberry Pis first, then by address.
 * @param numbered begins each line with the number by which a machine that isn't in the stack can be chosen
 * @param width of the terminal, in characters
 */
export function leaseTable(
  leases: readonly CurrentLease[],
  machines: readonly KnownMachine[],
  makerOf: MakerOf,
  { numbered = false, width = Number.POSITIVE_INFINITY } = {},
): string[] {
  const candidates = candidatesOf(leases, machines);
  const numberOf = (lease: CurrentLease) => String(candidates.indexOf(lease) + 1 || "");
  const rows = inOrder(leases).map((lease) => [
    ...(numbered ? [numberOf(lease)] : []),
    lease.mac,
    lease.ip,
    clean(lease.name),
    makerOf(lease.mac),
    lease.isReserved ? "reserved" : "",
    machines.find((one) => one.mac === lease.mac)?.name ?? "",
  ]);
  const titles = [...(numbered ? [""] : []), "MAC ADDRESS", "IP ADDRESS", "NAME", "MAKER", "", "MACHINE"];
  const name = titles.indexOf("NAME");
  const elastic = [
    [name + 1, 12],
    [name, 7],
    [name + 3, 7],
  ] as const;
  return columnsWithin(width, [titles, ...rows], elastic);
}

/** The leases of what isn't in the stack, in the order of the table's numbers. */
export const candidatesOf = (leases: readonly CurrentLease[], machines: readonly KnownMachine[]): CurrentLease[] =>
  inOrder(leases).filter(({ mac }) => !machines.some((one) => one.mac === mac));

interface Stack {
  machines: readonly KnownMachine[];
  cidr: string;
  /** The image that a new machine gets. */
  image: string;
  /** Addresses that no machine may have. */
  taken?: readonly string[];
}

/**
 * Lines for the stack's file: the Raspberry Pis that it lacks, with names and addresses that nobody has. One for which
 * the router already reserves something keeps that, as `up` would refuse anything else.
 */
export function linesToAdd(leases: readonly CurrentLease[], stack: Stack): string[] {
  const boards = candidatesOf(leases, stack.machines).filter(({ mac }) => isRaspberryPi(mac));
  return propose(boards, leases, stack).map((machine) => `    - ${machineText(machine)}`);
}

/** A machine for each board, as long as the network has addresses. */
export function propose(
  boards: readonly CurrentLease[],
  leases: readonly CurrentLease[],
  { machines, cidr, image, taken = [] }: Stack,
): NewMachine[] {
  const names = freeNames(machines.map(({ name }) => name));
  const addresses = freeAddresses(cidr, [...taken, ...machines.map(({ ip }) => ip), ...leases.map(({ ip }) => ip)]);
  return boards.flatMap((board) => {
    const hasName = board.isReserved && isHostname(board.name) && !machines.some(({ name }) => name === board.name);
    const name = hasName ? board.name : names.next().value;
    const ip = board.isReserved ? board.ip : addresses.next().value;
    return ip ? [{ name, mac: board.mac, ip, image }] : [];
  });
}

/** As in the list of machines in a stack's file. */
export const machineText = ({ name, mac, ip, image }: NewMachine): string =>
  `{name: ${name}, mac: "${mac}", ip: ${ip}, image: ${image}}`;

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
