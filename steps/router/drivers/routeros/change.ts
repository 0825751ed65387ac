import { isDeepStrictEqual } from "node:util";
import type { Inventory, RouterOs } from "./api.ts";
import {
  asLease,
  asOption,
  isOwnLease,
  isOwnOption,
  leaseFields,
  type Owned,
  type OwnLease,
  type OwnOption,
  optionFields,
} from "./records.ts";

/**
 * Makes what the owner has on the router this, and nothing else, starting from what is there (`now`). Options come
 * before the leases that use them, and go after them.
 */
export async function bring(router: RouterOs, owner: string, now: Inventory, wanted: Owned): Promise<void> {
  await addOptions(router, owner, now, wanted.options);
  await changeLeases(router, owner, now, wanted.leases);
  const unused = now.options.filter(
    (one) => isOwnOption(owner)(one) && !wanted.options.some(({ name }) => name === one.name),
  );
  for (const one of unused) await router.remove("option", one[".id"]);
}

async function addOptions(router: RouterOs, owner: string, { options }: Inventory, wanted: readonly OwnOption[]) {
  for (const option of wanted) {
    const there = options.find(({ name }) => name === option.name);
    if (!there) await router.add("option", optionFields(owner, option));
    else if (!isDeepStrictEqual(asOption(there), option))
      await router.change("option", there[".id"], optionFields(owner, option));
  }
}

/**
 * A machine whose new address is free keeps its lease; others, such as two that exchange their addresses, lose theirs
 * for a moment, because RouterOS refuses an address that is there twice.
 */
async function changeLeases(router: RouterOs, owner: string, { leases }: Inventory, wanted: readonly OwnLease[]) {
  const own = leases.filter(isOwnLease(owner)).map((record) => ({ id: record[".id"], lease: asLease(record) }));
  const isThere = (one: OwnLease) => own.some(({ lease }) => isDeepStrictEqual(lease, one));
  const old = own.filter(({ lease }) => !wanted.some((one) => isDeepStrictEqual(lease, one)));
  const fresh = wanted.filter((one) => !isThere(one));
  const isFree = ({ mac, ip }: OwnLease) => !own.some(({ lease }) => lease.ip === ip && lease.mac !== mac);
  const updated = fresh.flatMap((to) => {
    const from = old.find(({ lease }) => lease.mac === to.mac);
    return from && isFree(to) ? [{ from, to }] : [];
  });
  const removed = old.filter((one) => !updated.some(({ from }) => from === one));
  const added = fresh.filter((one) => !updated.some(({ to }) => to === one));
  for (const { id } of removed) await router.remove("lease", id);
  for (const { from, to } of updated) await router.change("lease", from.id, leaseFields(owner, to));
  for (const one of added) await router.add("lease", leaseFields(owner, one));
}
