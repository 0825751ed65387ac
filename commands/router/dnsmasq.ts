import path from "node:path";
import { UserError } from "../../lib/errors.ts";
import { quote } from "../../lib/shell.ts";
import { normalDir, parseLeases } from "./dnsmasq-config.ts";
import { describe, entrySaying, fileNameFor, leaseNote, lineFor, refuseConflicts } from "./plan.ts";
import type { DnsmasqRouter, Reservation, Router } from "./router.ts";
import { type Shell, withShell } from "./ssh.ts";
import { readersOf, readPaths, type Survey, survey } from "./survey.ts";

/**
 * A router that runs dnsmasq and that we may log in to. Each reservation is a file of its own in the folder that
 * dnsmasq's `dhcp-hostsdir` names. There is no lock on the router that could be left behind: a file appears by one
 * rename, and reading back after it finds whatever another writer did at the same moment.
 */
export function dnsmasqRouter(settings: DnsmasqRouter, signal?: AbortSignal): Router {
  const onRouter = <T>(work: (shell: Shell) => Promise<T>) => withShell(settings, signal, work);
  return {
    reserve: (reservation, previous) => onRouter((shell) => reserve(shell, settings, reservation, previous)),
    release: (reservation) => onRouter((shell) => release(shell, settings, reservation)),
    reservations: () => onRouter((shell) => reservations(shell, settings)),
    leases: () => onRouter((shell) => leases(shell, settings)),
  };
}

async function reserve(shell: Shell, settings: DnsmasqRouter, reservation: Reservation, previous?: Reservation) {
  const own = ownFile(settings, reservation);
  const stale = previous && previous.mac !== reservation.mac ? ownFile(settings, previous) : undefined;
  const before = await survey(shell, settings);
  const others = before.entries.filter(({ source }) => source !== own && source !== stale);
  refuseConflicts(settings.host, others, reservation);
  const adopted = entrySaying(others, reservation);
  const changes = new Map<string, string | undefined>(stale ? [[stale, undefined]] : []);
  changes.set(own, adopted ? undefined : lineFor(reservation));
  await write(shell, settings, before.pids, changes);

  const after = await survey(shell, settings);
  try {
    readBack(settings, after, own, reservation);
  } catch (error) {
    const asBefore = new Map([...changes.keys()].map((file) => [file, before.files.get(file)?.trimEnd()]));
    await write(shell, settings, after.pids, asBefore);
    throw error;
  }
  const note = leaseNote(after.leases, reservation, Date.now() / 1000);
  return (
    [adopted && `the entry in ${adopted.source} already says so and stays as it is`, note].filter(Boolean).join("; ") ||
    undefined
  );
}

/** Works without the survey's checks: what is ours must go even when dnsmasq is off or no longer reads the folder. */
async function release(shell: Shell, settings: DnsmasqRouter, reservation: Reservation) {
  const own = ownFile(settings, reservation);
  const isThere = async () => (await readPaths(shell, [own])).files.has(own);
  if (!(await isThere())) return "there was no entry of ours";
  await write(shell, settings, await readersOf(shell, settings.hostsDir), new Map([[own, undefined]]));
  if (await isThere()) throw new UserError(`${own} on ${settings.host} came back after it was removed`);
  return undefined;
}

async function reservations(shell: Shell, settings: DnsmasqRouter): Promise<Reservation[]> {
  const { entries } = await survey(shell, settings);
  return entries.flatMap(({ macs, ip, name = "" }) => (ip ? macs.map((mac) => ({ name, mac, ip })) : []));
}

async function leases(shell: Shell, settings: DnsmasqRouter) {
  const text = (await readPaths(shell, [settings.leaseFile])).files.get(settings.leaseFile);
  if (text === undefined)
    throw new UserError(
      `there is no ${settings.leaseFile} on ${settings.host}: set the router's leaseFile to what dnsmasq's dhcp-leasefile names`,
    );
  return parseLeases(text);
}

/** After our file is in place, the router must say what we wrote, and nobody may have written the opposite meanwhile. */
function readBack(settings: DnsmasqRouter, after: Survey, own: string, reservation: Reservation): void {
  refuseConflicts(
    settings.host,
    after.entries.filter(({ source }) => source !== own),
    reservation,
  );
  if (!entrySaying(after.entries, reservation))
    throw new UserError(
      `${settings.host} did not keep the reservation ${describe(reservation)}: something else changed ${own} at the same time`,
    );
}

/** Writes (or, with undefined, removes) our files, and lets dnsmasq read them all again. */
async function write(
  shell: Shell,
  settings: DnsmasqRouter,
  pids: readonly number[],
  changes: Map<string, string | undefined>,
) {
  try {
    await shell.run(writeScript(pids, changes));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const rights = `${settings.user} must be allowed to write to ${settings.hostsDir} and to signal dnsmasq there (root is)`;
    throw new UserError(`${error.message}\n${rights}`, { cause: error });
  }
}

/**
 * dnsmasq reads a new file at once, but not one whose name begins with a dot: that is where it is written first.
 * A changed or removed file counts only after a hang-up signal, so one is sent every time: an earlier run may have
 * been cut off just before it. A process that can't be signalled is found out before anything is written.
 */
function writeScript(pids: readonly number[], changes: ReadonlyMap<string, string | undefined>): string {
  return [
    "set -e",
    "umask 022",
    ...pids.map((pid) => `kill -0 ${pid}`),
    ...[...changes].flatMap(([file, text]) => (text === undefined ? [`rm -f ${quote(file)}`] : writing(file, text))),
    "sync",
    ...pids.map((pid) => `kill -HUP ${pid}`),
  ].join("\n");
}

function writing(file: string, text: string): string[] {
  const hidden = quote(path.posix.join(path.posix.dirname(file), `.${path.posix.basename(file)}`));
  return [`printf '%s\\n' ${quote(text)} > ${hidden}`, `mv -f ${hidden} ${quote(file)}`];
}

function ownFile(settings: DnsmasqRouter, { mac }: Reservation): string {
  return path.posix.join(normalDir(settings.hostsDir), fileNameFor(mac));
}
