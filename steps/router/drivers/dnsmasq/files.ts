import path from "node:path/posix";
import { quote } from "../../../../lib/shell.ts";
import type { Entry, Reservation } from "../../base/driver.ts";
import { normalDir } from "./config.ts";

/** The file in dnsmasq's folder that has all of a stack's reservations. */
export function tableFile(hostsDir: string, owner: string): string {
  return path.join(normalDir(hostsDir), `piinit.${owner}`);
}

export function tableText(owner: string, reservations: readonly Reservation[]): string {
  const comment = `# The reservations of piinit's stack ${owner}: changes are lost when it is brought up.`;
  return [comment, ...reservations.map(lineFor), ""].join("\n");
}

/** A reservation as dnsmasq reads it. */
export function lineFor({ mac, ip, name }: Reservation): string {
  return `${mac},${ip},${name}`;
}

/** The file of one machine's reservation, as earlier versions wrote it. */
export function machineFile(hostsDir: string, mac: string): string {
  return path.join(normalDir(hostsDir), `piinit-${mac.replaceAll(":", "-")}`);
}

/** Whether the entry is in such a file and for one of these machines, or for the board before one of them. */
export function isEarlierFile(
  hostsDir: string,
  { source, macs, ip, name }: Entry,
  now: readonly Reservation[],
): boolean {
  const [mac = ""] = macs;
  if (source !== machineFile(hostsDir, mac)) return false;
  return now.some((one) => one.mac === mac || (one.ip === ip && one.name === name));
}

/**
 * A shell script that writes files (or, with undefined, removes them) and lets dnsmasq read all of its files again.
 * dnsmasq reads a new file at once, but not one whose name begins with a dot: that is where it is written first.
 * A changed or removed file counts only after a hang-up signal, so one is sent every time: an earlier run may have
 * been cut off just before it. A process that can't be signalled is found out before anything is written. The script goes
 * on when the connection breaks, and leaves nothing half written when it fails.
 */
export function writeScript(pids: readonly number[], changes: ReadonlyMap<string, string | undefined>): string {
  const removed = [...changes].flatMap(([file, text]) => (text === undefined ? [file] : []));
  const written = [...changes].flatMap(([file, text]) => (text === undefined ? [] : [{ file, text }]));
  return [
    "set -e",
    "trap '' HUP INT PIPE TERM",
    ...(written.length > 0
      ? [`trap ${quote(`rm -f ${written.map(({ file }) => quote(hidden(file))).join(" ")}`)} EXIT`]
      : []),
    "umask 022",
    ...pids.map((pid) => `kill -0 ${pid}`),
    // A shell's own printf would not say why it can't write.
    ...written.map(({ file, text }) => `printf %s ${quote(text)} | cat > ${quote(hidden(file))}`),
    ...removed.map((file) => `rm -f ${quote(file)}`),
    ...written.map(({ file }) => `mv -f ${quote(hidden(file))} ${quote(file)}`),
    "sync",
    ...pids.map((pid) => `kill -HUP ${pid} || { echo "dnsmasq ended as it read the new files" >&2; exit 1; }`),
  ].join("\n");
}

/** Prints what of `writeScript` the user may not do, each as what follows "must be allowed to"; changes nothing. */
export const rightsScript = (folder: string, pids: readonly number[]): string =>
  [
    `[ -w ${quote(folder)} ] && [ -x ${quote(folder)} ] || printf '%s\\n' ${quote(`write to ${folder}`)}`,
    `for pid in ${pids.join(" ")}; do kill -0 "$pid" 2>/dev/null || { echo "signal dnsmasq"; break; }; done`,
  ].join("\n");

function hidden(file: string): string {
  return path.join(path.dirname(file), `.${path.basename(file)}`);
}
