import { UserError } from "../../../lib/errors.ts";
import type { Entry, Lease, Reservation } from "./driver.ts";
import { leaseNote } from "./lease-note.ts";
import { difference, differenceLines, missingFrom, reservationText, type TablePlan } from "./table.ts";
import { NotLetIn } from "./web.ts";

/**
 * What a user is told of a new table: how it differs from what the stack had (`own`) and what it adopts, which entries
 * of others stay, and which leases are in the way.
 */
export function outcomeLines(
  own: readonly Reservation[],
  { adopted }: TablePlan,
  reservations: readonly Reservation[],
  leases: readonly Lease[],
): string[] {
  const now = Date.now() / 1000;
  const before = [...own, ...adopted.map(({ reservation }) => reservation)];
  return [
    ...differenceLines(difference(before, reservations)),
    ...adopted.map(
      ({ reservation, entry }) =>
        `${reservationText(reservation)}: the entry in ${entry.source} already says so and stays as it is`,
    ),
    ...reservations.flatMap((one) => leaseNote(leases, one, now) ?? []),
  ];
}

/** After a change, the router must make every reservation. `what` is what somebody else may have changed meanwhile. */
export function refuseMissing(
  router: string,
  what: string,
  after: readonly Entry[],
  reservations: readonly Reservation[],
): void {
  refuseLost(router, what, missingFrom(after, reservations));
}

/** The same for changes of any kind that are known to be lost. */
export function refuseLost(router: string, what: string, lost: readonly Reservation[]): void {
  if (lost.length === 0) return;
  throw new UserError(
    [
      `${router} did not keep these reservations, because something else changed ${what} at the same time. Run up again:`,
      ...lost.map((one) => `  ${reservationText(one)}`),
    ].join("\n"),
  );
}

/** What there may be when nobody knows how far a change has come: parts of it, or all or nothing. */
const unclear = {
  parts: (router: string) => `This stack's reservations may be half changed on ${router} now`,
  whole: (router: string) => `${router} has all of the old reservations or all of the new ones`,
};

/**
 * Does `work`; if that fails or is interrupted, puts back what was there, and says so. Somebody who was not let in does not
 * try that again. `left` is what a change leaves that was cut off.
 */
export async function orPutBack<T>(
  router: string,
  work: () => Promise<T>,
  putBack: () => Promise<unknown>,
  left: keyof typeof unclear = "parts",
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const isBack =
      !(error instanceof NotLetIn) &&
      (await putBack().then(
        () => true,
        () => false,
      ));
    const state = isBack
      ? "The reservations are as they were before."
      : `${unclear[left](router)}: run the same command again as soon as it answers.`;
    throw new UserError(`${error.message}\n${state}`, { cause: error });
  }
}
