import { z } from "zod";
import { UserError } from "../../../../lib/errors.ts";
import { type Driver, type Entry, kind, type Reservation, type Table } from "../../base/driver.ts";
import { refuseMisfits } from "../../base/fit.ts";
import { orPutBack, outcomeLines, refuseMissing } from "../../base/outcome.ts";
import { type Shell, withShell } from "../../base/remote-shell.ts";
import { sshLogin } from "../../base/ssh-login.ts";
import { planTable, refuseConflicts, refuseStrangers, reservationsIn } from "../../base/table.ts";
import { normalDir } from "./config.ts";
import { isEarlierFile, lineFor, machineFile, rightsScript, tableFile, tableText, writeScript } from "./files.ts";
import { findReaders, type Inventory, readInventory, readPaths } from "./inventory.ts";

const absolutePath = z
  .string()
  .regex(/^\/[\w.+@/ -]*$/, "must be an absolute path of letters, digits, spaces and .+@/_- such as /etc/piinit");

const schema = z.strictObject({
  kind: z.literal("dnsmasq").meta(kind),
  ...sshLogin,
  hostsDir: absolutePath.meta({
    description: "The folder on the router that its `dhcp-hostsdir` names.",
    example: "/etc/dnsmasq.hosts.d",
  }),
  leaseFile: absolutePath.optional().meta({
    description: "The file on the router with its leases, if that isn't the one that dnsmasq's own options name.",
    example: "/tmp/dhcp.leases",
  }),
});

export type DnsmasqSettings = z.output<typeof schema>;

function titleOf({ host, hostsDir }: DnsmasqSettings): string {
  return `dnsmasq on ${host} (${normalDir(hostsDir)})`;
}

/**
 * A router that runs dnsmasq and allows us to log in. A stack's table is one file in the folder that dnsmasq's
 * `dhcp-hostsdir` names, so one rename changes it. There is no lock on the router that could be left behind: reading
 * back after the rename finds whatever another writer did at the same moment.
 */
export const dnsmasq = {
  schema,
  host: ({ host }) => host,
  title: titleOf,
  apply: (settings, table, { signal }) => withShell(settings, signal, (shell) => apply(shell, settings, table)),
  look: (settings, { owner, reservations }, { signal }) =>
    withShell(settings, signal, async (shell) => {
      const { service, leases, entries, missing, pids } = await readInventory(shell, settings);
      const others = entries.filter((entry) => !isOf(settings, owner, reservations, entry));
      const denied = await whyDenied(shell, settings, pids);
      return {
        service: { ...service, denied },
        leases,
        untold: missing && noLeaseFile(settings, missing),
        entries,
        others,
      };
    }),
  clear: (settings, { owner }, { signal }) =>
    withShell(settings, signal, (shell) => remove(shell, settings, tableFile(settings.hostsDir, owner))),
  release: (settings, reservation, { signal }) =>
    withShell(settings, signal, (shell) =>
      remove(shell, settings, machineFile(settings.hostsDir, reservation.mac), `${lineFor(reservation)}\n`),
    ),
} satisfies Driver<DnsmasqSettings>;

const noLeaseFile = ({ host }: DnsmasqSettings, missing: string) =>
  `dnsmasq on ${host} has no lease file ${missing}: set \`leaseFile\` to where it keeps its leases`;

/** An entry of the owner's table, or of a file of an earlier version for one of its machines. */
const isOf = ({ hostsDir }: DnsmasqSettings, owner: string, reservations: readonly Reservation[], entry: Entry) =>
  entry.source === tableFile(hostsDir, owner) || isEarlierFile(hostsDir, entry, reservations);

async function apply(shell: Shell, settings: DnsmasqSettings, table: Table): Promise<string[]> {
  const own = tableFile(settings.hostsDir, table.owner);
  const before = await readInventory(shell, settings);
  const denied = await whyDenied(shell, settings, before.pids);
  refuseMisfits(titleOf(settings), { ...before.service, denied }, table);
  const ours = before.entries.filter((entry) => isOf(settings, table.owner, table.reservations, entry));
  const underItsName = ours.filter(({ source }) => source === own);
  refuseStrangers(`${own} on ${settings.host}`, "remove that file", underItsName, table);
  const others = before.entries.filter((entry) => !ours.includes(entry));
  const planned = planTable(settings.host, others, table.reservations);

  const earlier = ours.map(({ source }) => source).filter((source) => source !== own);
  const changes = new Map<string, string | undefined>(earlier.map((file) => [file, undefined]));
  changes.set(own, planned.own.length > 0 ? tableText(table.owner, planned.own) : undefined);
  const after = await replace(shell, settings, before, changes, (now) => readBack(settings, now, own, table));

  return outcomeLines(reservationsIn(ours), planned, table.reservations, after.leases);
}

/**
 * Writes files, makes dnsmasq read them, and checks the result. If dnsmasq can't be signalled or ends, or the check
 * fails, restores those that have changed. Returns the router's inventory afterwards.
 */
async function replace(
  shell: Shell,
  settings: DnsmasqSettings,
  before: Inventory,
  changes: ReadonlyMap<string, string | undefined>,
  check: (after: Inventory) => void,
): Promise<Inventory> {
  const work = async () => {
    await write(shell, settings, before.pids, changes);
    const after = await readInventory(shell, settings);
    check(after);
    return after;
  };
  const putBack = async () => {
    const { files: now } = await readPaths(shell, [...changes.keys()]);
    const changed = [...changes.keys()].filter((file) => now.get(file) !== before.files.get(file));
    const asBefore = new Map(changed.map((file) => [file, before.files.get(file)]));
    await shell.run(writeScript(await findReaders(shell, settings.hostsDir), asBefore));
  };
  return orPutBack(settings.host, work, putBack, "whole");
}

/** Once our table is in place, the router must have what we wrote, and nobody may have contradicted it meanwhile. */
function readBack(settings: DnsmasqSettings, after: Inventory, own: string, { reservations }: Table): void {
  const others = after.entries.filter(({ source }) => source !== own);
  refuseConflicts(settings.host, others, reservations);
  refuseMissing(settings.host, own, after.entries, reservations);
}

/**
 * Removes a file of ours; if a text is given, only a file with that text. Needs no inventory, because our files must be
 * removable even when dnsmasq is off or no longer reads the folder. dnsmasq is told even if there is no file any more: an
 * earlier run may have been cut off just before that.
 */
async function remove(shell: Shell, settings: DnsmasqSettings, file: string, text?: string): Promise<string[]> {
  const contentOf = async () => (await readPaths(shell, [file])).files.get(file);
  const there = await contentOf();
  if (there !== undefined && text !== undefined && there !== text)
    return [`${file} on ${settings.host} was changed and stays`];
  const work = async () => {
    await write(shell, settings, await findReaders(shell, settings.hostsDir), new Map([[file, undefined]]));
    if ((await contentOf()) !== undefined)
      throw new UserError(`${file} on ${settings.host} came back after it was removed: something else writes it`);
  };
  const putBack = async () => {
    const now = await contentOf();
    const asBefore = now === there ? [] : [[file, there] as const];
    await shell.run(writeScript(await findReaders(shell, settings.hostsDir), new Map(asBefore)));
  };
  await orPutBack(settings.host, work, putBack, "whole");
  return [there === undefined ? `${settings.host} has no ${file} any more` : `removed ${file} on ${settings.host}`];
}

async function write(
  shell: Shell,
  settings: DnsmasqSettings,
  pids: readonly number[],
  changes: ReadonlyMap<string, string | undefined>,
): Promise<void> {
  try {
    await shell.run(writeScript(pids, changes));
  } catch (error) {
    if (!(error instanceof UserError && /denied|permitted|read-only/i.test(error.message))) throw error;
    const rights = rightsText(settings, [`write to ${settings.hostsDir}`, "signal dnsmasq"]);
    throw new UserError(`${error.message}\n${rights}`, { cause: error });
  }
}

async function whyDenied(
  shell: Shell,
  settings: DnsmasqSettings,
  pids: readonly number[],
): Promise<string | undefined> {
  const lacking = (await shell.run(rightsScript(settings.hostsDir, pids))).filter(Boolean);
  return lacking.length > 0 ? rightsText(settings, lacking) : undefined;
}

const rightsText = ({ user }: DnsmasqSettings, lacking: readonly string[]) =>
  `${user} must be allowed to ${lacking.join(" and to ")} there (root is)`;
