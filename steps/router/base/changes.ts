import type { Reservation } from "./driver.ts";

/** What turns one list of entries into another, to be done in this order, for routers that change one entry at a time. */
export interface Changes<Old extends Reservation = Reservation> {
  removed: Old[];
  /** The entry of that MAC gets another address or name. */
  updated: { from: Old; to: Reservation }[];
  added: Reservation[];
}

/**
 * A machine whose new address and name are free keeps an entry all the time (`updated`); others, such as two that
 * exchange their addresses, lose theirs for a moment.
 */
export function changesBetween<Old extends Reservation>(
  now: readonly Old[],
  wanted: readonly Reservation[],
): Changes<Old> {
  const same = (a: Reservation) => (b: Reservation) => a.mac === b.mac && a.ip === b.ip && a.name === b.name;
  const old = now.filter((one) => !wanted.some(same(one)));
  const fresh = wanted.filter((one) => !now.some(same(one)));
  const isFree = (to: Reservation) =>
    !now.some(({ mac, ip, name }) => mac !== to.mac && (ip === to.ip || name === to.name));
  const updated = fresh.flatMap((to) => {
    const from = old.find(({ mac }) => mac === to.mac);
    return from && isFree(to) ? [{ from, to }] : [];
  });
  return {
    removed: old.filter((one) => !updated.some(({ from }) => from === one)),
    updated,
    added: fresh.filter((one) => !updated.some(({ to }) => to === one)),
  };
}
