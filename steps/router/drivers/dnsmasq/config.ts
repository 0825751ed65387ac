import type { Entry, Lease } from "../../base/driver.ts";
import { hostNameIn } from "../../base/host-name.ts";

/** The options of dnsmasq that affect fixed leases and what it serves, from its files and its command line. */
export interface Option {
  name: string;
  value: string;
}

/** What is given for an option, each time that it is. */
export function values(options: readonly Option[], wanted: string): string[] {
  return options.filter(({ name }) => name === wanted).map(({ value }) => value);
}

const shortOptions: Record<string, string> = {
  C: "conf-file",
  "7": "conf-dir",
  G: "dhcp-host",
  l: "dhcp-leasefile",
  Z: "read-ethers",
  F: "dhcp-range",
  s: "domain",
};
const longOptions = new Set([...Object.values(shortOptions), "dhcp-hostsfile", "dhcp-hostsdir"]);

/** The relevant options of a command line, given without the program's name. */
export function commandLineOptions(args: readonly string[]): Option[] {
  return args.flatMap((arg, index) => {
    const long = /^--([\w-]+)(?:=(.*))?$/s.exec(arg);
    const short = /^-(\w)(.*)$/s.exec(arg);
    const name = long?.[1] ?? shortOptions[short?.[1] ?? ""] ?? "";
    if (!longOptions.has(name)) return [];
    return [{ name, value: long?.[2] ?? (short?.[2] || (args[index + 1] ?? "")) }];
  });
}

/** The relevant options of a configuration file. */
export function fileOptions(text: string): Option[] {
  return significantLines(text).flatMap((line) => {
    const [, name = "", value = ""] = /^([\w-]+)(?:\s*=\s*(.*))?$/.exec(line) ?? [];
    return longOptions.has(name) ? [{ name, value: value.replace(/^"(.*)"$/, "$1") }] : [];
  });
}

/** Which files of a `conf-dir` are read: "DIR", "DIR,.bak" (all but those) or "DIR,*.conf" (only those). */
export function confDir(value: string): { path: string; reads: (file: string) => boolean } {
  const [path = "", ...patterns] = value.split(",").map((part) => part.trim());
  const only = patterns.filter((pattern) => pattern.startsWith("*")).map((pattern) => pattern.slice(1));
  const never = patterns.filter((pattern) => !pattern.startsWith("*"));
  const reads = (file: string) =>
    !file.endsWith("~") &&
    !never.some((end) => file.endsWith(end)) &&
    (only.length === 0 || only.some((end) => file.endsWith(end)));
  return { path: normalDir(path), reads };
}

/** A folder's path, normalised for comparison. */
export function normalDir(path: string): string {
  return path.replace(/\/+/g, "/").replace(/(.)\/$/, "$1");
}

/** The entries of a file that `dhcp-hostsfile` or `dhcp-hostsdir` names. */
export function hostsFileEntries(source: string, text: string): Entry[] {
  return significantLines(text).map((line) => parseEntry(source, line));
}

/** The entries of /etc/ethers, which has a MAC address and an address or a name in each line. */
export function ethersEntries(source: string, text: string): Entry[] {
  return hostsFileEntries(source, text.replace(/^[ \t]*(\S+)[ \t]+/gm, "$1,"));
}

/**
 * Reads the value of a `dhcp-host`, from the file `source` or the command line; lease times, tags, client identifiers
 * and IPv6 play no part.
 */
export function parseEntry(source: string, text: string): Entry {
  const entry: Entry = { source, text, macs: [], ignored: false };
  for (const field of text.split(",").map((part) => part.trim().toLowerCase())) {
    const mac = /^(?:\d+-)?((?:[0-9a-f]{1,2}:){5}[0-9a-f]{1,2})$/.exec(field)?.[1];
    if (mac) entry.macs.push(normalMac(mac));
    else if (/^\d+(\.\d+){3}$/.test(field)) entry.ip = field;
    else if (field === "ignore") entry.ignored = true;
    else if (/^[a-z0-9][a-z0-9.-]*$/.test(field) && !/^(infinite|\d+[smhdw]?)$/.test(field))
      entry.name = hostNameIn(field);
  }
  return entry;
}

/** dnsmasq's lease table; IPv6 leases are left out. A name that the machine did not give is "". */
export function parseLeases(text: string): Lease[] {
  return text.split("\n").flatMap((line) => {
    const [, expires, mac, ip, name] = /^(\d+) (?:\d+-)?([0-9a-f:]{17}) (\d+(?:\.\d+){3}) (\S+)/i.exec(line) ?? [];
    if (!expires || !mac || !ip || !name) return [];
    return [{ name: name === "*" ? "" : name, mac: mac.toLowerCase(), ip, expires: Number(expires) }];
  });
}

function normalMac(mac: string): string {
  return mac
    .split(":")
    .map((pair) => pair.padStart(2, "0"))
    .join(":");
}

function significantLines(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, "").trim())
    .filter(Boolean);
}
