import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import { type Driver, type Entry, kind, type Reservation, type Table } from "../../base/driver.ts";
import { refuseMisfits } from "../../base/fit.ts";
import { orPutBack, outcomeLines, refuseMissing } from "../../base/outcome.ts";
import { type Shell, withShell } from "../../base/remote-shell.ts";
import { sshLogin } from "../../base/ssh-login.ts";
import {
  difference,
  differenceLines,
  planTable,
  refuseConflicts,
  refuseStrangers,
  reservationsIn,
} from "../../base/table.ts";
import { batchFor, hostEntries, hostsIn, isOwn, sectionName } from "./hosts.ts";
import { type Inventory, readInventory } from "./inventory.ts";
import { changeScript, reloadScript } from "./scripts.ts";
import { serviceOf } from "./served.ts";
import type { Section } from "./uci.ts";

const schema = z.strictObject({ kind: z.literal("openwrt").meta(kind), ...sshLogin });

export type OpenwrtSettings = z.output<typeof schema>;

function titleOf({ host }: Pick<OpenwrtSettings, "host">): string {
  return `OpenWrt on ${host}`;
}

/**
 * A router with OpenWrt that allows us to log in. Each machine is a section `piinit_MAC` of the type `host` in its
 * configuration `dhcp`, with its stack's name in the option `piinit`. All changes of a table are one commit, after which
 * OpenWrt starts dnsmasq anew.
 */
export const openwrt = {
  schema,
  host: ({ host }) => host,
  title: titleOf,
  apply: (settings, table, { signal }) => withShell(settings, signal, (shell) => apply(shell, settings.host, table)),
  look: (settings, { owner }, { signal }) =>
    withShell(settings, signal, async (shell) => {
      const inventory = await readInventory(shell);
      const { leases, entries } = inventory;
      return {
        service: serviceOf(inventory),
        leases,
        entries,
        others: othersIn(inventory, ownSections(inventory, owner)),
      };
    }),
  clear: (settings, { owner }, { signal }) =>
    withShell(settings, signal, (shell) => clear(shell, settings.host, owner)),
} satisfies Driver<OpenwrtSettings>;

async function apply(shell: Shell, host: string, table: Table): Promise<string[]> {
  const before = await readInventory(shell);
  const { owner, reservations } = table;
  const ours = ownSections(before, owner);
  refuseMisfits(titleOf({ host }), serviceOf(before), table);
  refuseStrangers(host, "remove their sections there", hostEntries(ours), table);
  const planned = planTable(host, othersIn(before, ours), reservations);
  refuseTakenNames(host, before, owner, planned.own);

  const work = async () => {
    const after = await change(shell, before, batchFor(owner, before.dhcp, planned.own));
    readBack(host, after, table);
    return after;
  };
  const after = await orPutBack(host, work, () => putBack(shell, owner, ours), "whole");
  return outcomeLines(reservationsIn(hostEntries(ours)), planned, reservations, after.leases);
}

/** Makes the changes, if any, and dnsmasq read them. An earlier run may have been cut off between the two. */
async function change(shell: Shell, before: Inventory, batch: readonly string[]): Promise<Inventory> {
  const { sum, isRunning } = before;
  await shell.run(batch.length > 0 ? changeScript({ batch, sum, mustRun: isRunning }) : reloadScript);
  return readInventory(shell);
}

/** Gives the owner these sections, unless a script that failed has already done so itself. */
async function putBack(shell: Shell, owner: string, ours: readonly Section[]): Promise<void> {
  const now = await readInventory(shell);
  const batch = batchFor(owner, now.dhcp, reservationsIn(hostEntries(ours)));
  if (batch.length > 0) await change(shell, now, batch);
}

async function clear(shell: Shell, host: string, owner: string): Promise<string[]> {
  const before = await readInventory(shell);
  const ours = ownSections(before, owner);
  const work = async () => {
    const after = await change(shell, before, batchFor(owner, before.dhcp, []));
    if (ownSections(after, owner).length > 0)
      throw new UserError(
        `the reservations of stack ${owner} on ${host} came back after they were removed: something else writes them`,
      );
  };
  await orPutBack(host, work, () => putBack(shell, owner, ours), "whole");
  if (ours.length === 0) return [`${host} has no reservations of stack ${owner} any more`];
  return differenceLines(difference(reservationsIn(hostEntries(ours)), []));
}

const ownSections = ({ dhcp }: Inventory, owner: string): Section[] =>
  hostsIn(dhcp).filter((section) => isOwn(section, owner));

function othersIn({ entries }: Inventory, ours: readonly Section[]): Entry[] {
  const own = new Set(hostEntries(ours).map(({ source }) => source));
  return entries.filter(({ source }) => !own.has(source));
}

/** Our sections have fixed names. Somebody else's may have one, after its MAC was changed by hand. */
function refuseTakenNames(host: string, { dhcp }: Inventory, owner: string, wanted: readonly Reservation[]): void {
  const names = new Set(wanted.map(sectionName));
  const taken = dhcp.filter((section) => names.has(section.name) && !isOwn(section, owner));
  if (taken.length === 0) return;
  throw new UserError(
    `Nothing was changed on ${host}: these sections in /etc/config/dhcp are not of stack ${owner}: ${taken.map(({ name }) => name).join(", ")}. Rename or remove them there.`,
  );
}

/** The router must have what we wrote, and nobody may have contradicted it meanwhile. */
function readBack(host: string, after: Inventory, { owner, reservations }: Table): void {
  refuseConflicts(host, othersIn(after, ownSections(after, owner)), reservations);
  refuseMissing(host, "them", after.entries, reservations);
}
