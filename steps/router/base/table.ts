import { UserError } from "../../../lib/errors.ts";
import type { Entry, Reservation, Table } from "./driver.ts";

/** "pi1: b8:27:eb:00:00:01 → 192.168.2.51", as every message writes a reservation. */
export function reservationText({ name, mac, ip }: Reservation): string {
  return `${name}: ${mac} → ${ip}`;
}

export interface TablePlan {
  /** What the owner's entries must be. */
  own: Reservation[];
  /** Entries of others that already make a reservation; they stay. */
  adopted: { reservation: Reservation; entry: Entry }[];
}

/**
 * What to write, given the entries of others on the router. Refuses entries that contradict the reservations (the same
 * address or name for another MAC, or the same MAC with other values), naming all of them at once.
 */
export function planTable(router: string, others: readonly Entry[], reservations: readonly Reservation[]): TablePlan {
  refuseConflicts(router, others, reservations);
  const adopted = reservations.flatMap((reservation) => {
    const entry = others.find((one) => says(one, reservation));
    return entry ? [{ reservation, entry }] : [];
  });
  const isAdopted = (wanted: Reservation) => adopted.some(({ reservation }) => reservation === wanted);
  return { own: reservations.filter((wanted) => !isAdopted(wanted)), adopted };
}

export function refuseConflicts(router: string, others: readonly Entry[], wanted: readonly Reservation[]): void {
  const found = conflicts(others, wanted);
  if (found.length === 0) return;
  throw new UserError(
    [
      `Nothing was changed on ${router}, because other entries there contradict this stack's machines:`,
      ...found.map((one) => `  ${one}`),
      "Change the machines in the stack's file, or those entries on the router.",
    ].join("\n"),
  );
}

/** How entries of others contradict reservations, each as a line for users. */
export function conflicts(others: readonly Entry[], wanted: readonly Reservation[]): string[] {
  return wanted.flatMap((reservation) =>
    others.flatMap((entry) => {
      const reason = conflict(entry, reservation);
      return reason === undefined ? [] : [`${reservationText(reservation)}: ${reason}`];
    }),
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

/**
 * If the stack's state knows no table, one with its name may belong to another stack that happens to have the same
 * name: it is taken over only if no machine loses its reservation by that. `remedy` is what to do if there is no such
 * stack, to follow "If not,".
 */
export function refuseStrangers(where: string, remedy: string, marked: readonly Entry[], table: Table): void {
  if (table.previous !== undefined) return;
  const macs = new Set(table.reservations.map(({ mac }) => mac));
  const strangers = marked.filter((entry) => !entry.macs.some((mac) => macs.has(mac)));
  if (strangers.length === 0) return;
  throw new UserError(
    [
      `${where} has machines that stack ${table.owner} does not have:`,
      ...reservationsIn(strangers).map((one) => `  ${reservationText(one)}`),
      `If they are of another stack called ${table.owner}, give this one another name. If not, ${remedy} and run up again.`,
    ].join("\n"),
  );
}

/** Whether the entry gives the machine everything that the reservation does. */
export function says(entry: Entry, { mac, ip, name }: Reservation): boolean {
  return entry.macs.includes(mac) && entry.ip === ip && entry.name === name && !entry.ignored;
}

/** The reservations that no entry makes as they are. */
export function missingFrom(entries: readonly Entry[], reservations: readonly Reservation[]): Reservation[] {
  return reservations.filter((reservation) => !entries.some((entry) => says(entry, reservation)));
}

/** The reservations that entries make; an entry without a MAC, address or name makes none. */
export function reservationsIn(entries: readonly Entry[]): Reservation[] {
  return entries.flatMap(({ macs, ip, name }) => (ip && name ? macs.map((mac) => ({ name, mac, ip })) : []));
}

export interface Difference {
  added: Reservation[];
  changed: { from: Reservation; to: Reservation }[];
  removed: Reservation[];
  unchanged: Reservation[];
}

/** The difference of two tables. A MAC identifies a machine; the name identifies one whose board was replaced. */
export function difference(before: readonly Reservation[], after: readonly Reservation[]): Difference {
  const gone = new Set(before);
  const result: Difference = { added: [], changed: [], removed: [], unchanged: [] };
  const pair = (wanted: readonly Reservation[], key: "mac" | "name") =>
    wanted.filter((to) => {
      const from = [...gone].find((one) => one[key] === to[key]);
      if (!from) return true;
      gone.delete(from);
      if (from.mac === to.mac && from.ip === to.ip && from.name === to.name) result.unchanged.push(to);
      else result.changed.push({ from, to });
      return false;
    });
  result.added = pair(pair(after, "mac"), "name");
  result.removed = [...gone];
  return result;
}

/** A difference line by line: "+ pi3: …", "~ pi2: … (was 192.168.2.52)", "- pi4: …", "= 2 unchanged". */
export function differenceLines({ added, changed, removed, unchanged }: Difference): string[] {
  return [
    ...added.map((one) => `+ ${reservationText(one)}`),
    ...changed.map(({ from, to }) => `~ ${reservationText(to)} (was ${whatWas(from, to)})`),
    ...removed.map((one) => `- ${reservationText(one)}`),
    ...(unchanged.length > 0 ? [`= ${unchanged.length} unchanged`] : []),
  ];
}

function whatWas(from: Reservation, to: Reservation): string {
  return (["name", "mac", "ip"] as const).flatMap((key) => (from[key] === to[key] ? [] : [from[key]])).join(", ");
}
