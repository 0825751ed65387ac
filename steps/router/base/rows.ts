import { UserError } from "../../../lib/errors.ts";
import { type Changes, changesBetween } from "./changes.ts";
import type { Entry, Found, Lease, Reservation, StackView, Table } from "./driver.ts";
import { refuseMisfits } from "./fit.ts";
import { orPutBack, outcomeLines, refuseMissing } from "./outcome.ts";
import type { Service } from "./service.ts";
import { difference, differenceLines, planTable, refuseConflicts, refuseStrangers, says } from "./table.ts";

/** A fixed lease as a router stores it, each by itself. */
export interface Row extends Entry {
  /** By which the router finds it. */
  id: string;
  /** What its maker wrote about it; ours have the stack's mark there. */
  description: string;
}

/** A row as what it reserves, with "" for what it leaves out. */
export type StoredReservation = Reservation & { row: Row };

/**
 * A router that stores fixed leases as rows, each written by a request of its own, and whose DHCP server uses them when it
 * is told to. None of this is stopped by ^C, except the two that look.
 */
export interface RowRouter {
  /** Its name for users. */
  title: string;
  /** What is there before a change to this table. */
  look(wanted: readonly Reservation[]): Promise<{ service: Service; rows: Row[]; leases: Lease[] }>;
  /** What is there before all is removed, whether or not the server runs. */
  lookForRows(): Promise<Row[]>;
  rows(): Promise<Row[]>;
  add(reservation: Reservation, description: string): Promise<void>;
  update(row: Row, to: Reservation): Promise<void>;
  /** Content when there is no such row any more. */
  remove(row: Row): Promise<void>;
  /** Lets the server use the rows; returns when it runs. */
  reload(): Promise<void>;
}

/** What a row of the stack has for a description. */
export const markOf = (owner: string): string => `piinit.${owner}`;

/**
 * Brings the owner's rows to the table, and the server to the rows. If that fails, both are as before afterwards. The
 * server is told even if no row has changed: an earlier run may have been cut off just before that.
 */
export async function applyRows(router: RowRouter, table: Table, signal: AbortSignal): Promise<string[]> {
  const { owner, reservations } = table;
  const { service, rows, leases } = await router.look(reservations);
  refuseMisfits(router.title, service, table);
  const own = rows.filter((row) => isOf(row, owner));
  const others = rows.filter((row) => !isOf(row, owner));
  refuseStrangers(router.title, `remove the entries described as ${markOf(owner)} there`, own, table);
  const planned = planTable(router.title, others, reservations);
  refuseInterrupted(router.title, signal);
  await replace(router, owner, own.map(stored), planned.own, (after) => {
    const strangers = after.filter((row) => !reservations.some((one) => says(row, one)));
    refuseConflicts(router.title, strangers, reservations);
    refuseMissing(router.title, "them", after, reservations);
  });
  return outcomeLines(own.map(stored), planned, reservations, leases);
}

/** What there is beside the rows of a stack. */
export async function lookAtRows(router: RowRouter, { owner, reservations }: StackView): Promise<Found> {
  const { service, rows, leases } = await router.look(reservations);
  const others = rows.filter((row) => !isOf(row, owner));
  return { service, leases, entries: rows, others };
}

/** Removes the owner's rows, and tells the server. If that fails, both are as before afterwards. */
export async function clearRows(router: RowRouter, owner: string, signal: AbortSignal): Promise<string[]> {
  const own = (await router.lookForRows()).filter((row) => isOf(row, owner));
  refuseInterrupted(router.title, signal);
  await replace(router, owner, own.map(stored), [], (after) => {
    if (after.some((row) => isOf(row, owner)))
      throw new UserError(`${router.title} has reservations of stack ${owner} again: something else writes them`);
  });
  if (own.length === 0) return [`${router.title} has no reservations of stack ${owner} any more`];
  return differenceLines(difference(own.map(stored), []));
}

const isOf = ({ description }: Row, owner: string): boolean => description.trim() === markOf(owner);

const stored = (row: Row): StoredReservation => ({
  row,
  name: row.name ?? "",
  mac: row.macs.join(","),
  ip: row.ip ?? "",
});

/** A change is short, and half of one is worse than one that is not interrupted. */
function refuseInterrupted(title: string, signal: AbortSignal): void {
  if (signal.aborted) throw new UserError(`interrupted while talking to ${title}, before anything was changed`);
}

async function replace(
  router: RowRouter,
  owner: string,
  own: readonly StoredReservation[],
  wanted: readonly Reservation[],
  check: (after: readonly Row[]) => void,
): Promise<void> {
  const work = async () => {
    await write(router, owner, changesBetween(own, wanted));
    await router.reload();
    check(await router.rows());
  };
  await orPutBack(router.title, work, () => undo(router, owner, own));
}

async function write(router: RowRouter, owner: string, changes: Changes<StoredReservation>): Promise<void> {
  for (const { row } of changes.removed) await router.remove(row);
  for (const { from, to } of changes.updated) await router.update(from.row, to);
  for (const one of changes.added) await router.add(one, markOf(owner));
}

/** Which of the changes were made is seen on the router. */
async function undo(router: RowRouter, owner: string, was: readonly StoredReservation[]): Promise<void> {
  const now = (await router.rows()).filter((row) => isOf(row, owner)).map(stored);
  await write(router, owner, changesBetween(now, was));
  await router.reload();
}
