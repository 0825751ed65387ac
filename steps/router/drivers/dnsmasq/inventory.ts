import { dirname } from "node:path/posix";
import { UserError } from "../../../../lib/errors.ts";
import { quote } from "../../../../lib/shell.ts";
import type { Entry, Lease } from "../../base/driver.ts";
import type { Shell } from "../../base/remote-shell.ts";
import type { Service } from "../../base/service.ts";
import { whyNotRead } from "./advice.ts";
import {
  commandLineOptions,
  confDir,
  ethersEntries,
  fileOptions,
  hostsFileEntries,
  normalDir,
  type Option,
  parseEntry,
  parseLeases,
  values,
} from "./config.ts";
import { connectedNetworks, serviceOf } from "./ranges.ts";

/** What a router's dnsmasq currently uses. */
export interface Inventory {
  /** The dnsmasq processes that read our folder. */
  pids: number[];
  /** Every fixed lease in their configuration. */
  entries: Entry[];
  /** The texts of all files read, by path, including those in our folder. */
  files: Map<string, string>;
  leases: Lease[];
  service: Service;
  /** The path of the lease file, if it isn't there. */
  missing: string | undefined;
}

/** Where a router keeps reservations and leases. */
interface DnsmasqFolder {
  /** The router's name or address, for messages. */
  host: string;
  hostsDir: string;
  /** Undefined: where its options say. */
  leaseFile?: string | undefined;
}

interface Paths {
  files: Map<string, string>;
  /** Folder → paths of its files. */
  folders: Map<string, string[]>;
}

/** Finds the dnsmasq that reads our folder, and its configuration; if there is none, fails with what to do. */
export async function readInventory(shell: Shell, where: DnsmasqFolder): Promise<Inventory> {
  const running = await dnsmasqs(shell);
  const hostsDir = normalDir(where.hostsDir);
  const readers = running.filter((one) => readsFolder(one, hostsDir));
  if (readers.length === 0) throw new UserError(await whyNotRead(shell, where, running));

  const options = readers.flatMap((one) => one.options);
  const named = [...values(options, "dhcp-hostsfile"), ...values(options, "dhcp-hostsdir")].map(normalDir);
  const ethers = options.some(({ name }) => name === "read-ethers") ? [ethersFile] : [];
  const leaseFiles = leaseFilesOf(where, options);
  const found = await readPaths(shell, [...named, ...ethers, ...leaseFiles]);
  if (!found.folders.has(hostsDir))
    throw new UserError(`${await whyNotRead(shell, where, running)}\n(the folder is missing)`);
  const hosts = named.flatMap((name) => found.folders.get(name)?.filter((file) => !file.endsWith("~")) ?? [name]);
  const textOf = (file: string) => found.files.get(file) ?? "";
  return {
    pids: readers.map(({ pid }) => pid),
    entries: [
      ...options.filter(({ name }) => name === "dhcp-host").map(({ value, source }) => parseEntry(source, value)),
      ...[...new Set(hosts)].flatMap((file) => hostsFileEntries(file, textOf(file))),
      ...ethers.flatMap((file) => ethersEntries(file, textOf(file))),
    ],
    files: found.files,
    leases: leaseFiles.flatMap((file) => parseLeases(textOf(file))),
    service: serviceOf(options, connectedNetworks(await shell.run(routeScript(readers.map(({ pid }) => pid))))),
    missing: leaseFiles.find((file) => !found.files.has(file)),
  };
}

const ethersFile = "/etc/ethers";

/** Prints how processes' networks are reached: a container's are its own. */
const routeScript = (pids: readonly number[]) =>
  pids.map((pid) => `cat /proc/${pid}/net/route 2>/dev/null || true`).join("\n");

function leaseFilesOf({ leaseFile }: DnsmasqFolder, options: readonly Option[]): string[] {
  if (leaseFile !== undefined) return [leaseFile];
  const named = values(options, "dhcp-leasefile").filter(Boolean);
  return named.length > 0 ? [...new Set(named)] : ["/var/lib/misc/dnsmasq.leases"];
}

/** The processes to signal when a file in the folder has changed; there may be none. */
export async function findReaders(shell: Shell, folder: string): Promise<number[]> {
  const running = await dnsmasqs(shell);
  return running.filter((one) => readsFolder(one, normalDir(folder))).map(({ pid }) => pid);
}

interface Sourced extends Option {
  source: string;
}

interface Dnsmasq {
  pid: number;
  args: string[];
  /** The main configuration file. */
  mainFile: string;
  /** From its command line and from the files and folders that it names, recursively. */
  options: Sourced[];
}

const defaultFile = "/etc/dnsmasq.conf";

async function dnsmasqs(shell: Shell): Promise<Dnsmasq[]> {
  const running: Dnsmasq[] = [];
  for (const { pid, args } of parseProcesses(await shell.run(processScript))) {
    const given = commandLineOptions(args).map((option) => ({ ...option, source: "dnsmasq's command line" }));
    const mainFile = values(given, "conf-file")[0] || defaultFile;
    const options = [...given, { name: "conf-file", value: mainFile, source: "" }];
    running.push({ pid, args, mainFile, options: await followFiles(shell, options) });
  }
  return running;
}

function readsFolder({ options }: Dnsmasq, folder: string): boolean {
  return values(options, "dhcp-hostsdir").map(normalDir).includes(folder);
}

/** Adds the options of the named configuration files and folders, and of those that they name, each once. */
async function followFiles(shell: Shell, given: readonly Sourced[]): Promise<Sourced[]> {
  const options = [...given];
  const read = new Set<string>();
  for (const { name, value } of options) {
    if (!["conf-file", "conf-dir"].includes(name) || read.has(value)) continue;
    read.add(value);
    const { path, reads } = name === "conf-dir" ? confDir(value) : { path: value, reads: () => true };
    const { files } = await readPaths(shell, [path]);
    for (const [source, text] of files)
      if (reads(source)) options.push(...fileOptions(text).map((found) => ({ ...found, source })));
  }
  return options;
}

/** Prints "P pid" and "A argument" lines; reads /proc because the ps of the smallest routers shows no arguments. */
const processScript = [
  "for dir in /proc/[0-9]*; do",
  `  { read -r name < "$dir/comm"; } 2>/dev/null && [ "$name" = dnsmasq ] || continue`,
  `  printf 'P %s\\n' "\${dir#/proc/}"`,
  `  tr '\\000' '\\n' < "$dir/cmdline" | sed 's/^/A /'`,
  "done",
].join("\n");

function parseProcesses(lines: readonly string[]): { pid: number; args: string[] }[] {
  const processes: { pid: number; args: string[] }[] = [];
  for (const line of lines) {
    if (line.startsWith("P ")) processes.push({ pid: Number(line.slice(2)), args: [] });
    else if (line.startsWith("A ")) processes.at(-1)?.args.push(line.slice(2));
  }
  return processes.map(({ pid, args }) => ({ pid, args: args.slice(1) }));
}

/** Reads files and all visible files in folders; skips what does not exist, and fails on what may not be read. */
export async function readPaths(shell: Shell, paths: readonly string[]): Promise<Paths> {
  return parsePaths(
    await shell.run(
      [
        `show() { printf 'F %s\\n' "$1"; sed 's/^/| /' "$1" || [ ! -e "$1" ] || exit; echo; }`,
        `for path in ${paths.map(quote).join(" ")}; do`,
        `  if [ -d "$path" ]; then`,
        `    printf 'D %s\\n' "$path"`,
        `    for file in "$path"/*; do if [ -f "$file" ]; then show "$file"; fi; done`,
        `  elif [ -f "$path" ]; then show "$path"; fi`,
        "done",
      ].join("\n"),
    ),
  );
}

function parsePaths(lines: readonly string[]): Paths {
  const found: Paths = { files: new Map(), folders: new Map() };
  let file = "";
  for (const line of lines) {
    const rest = line.slice(2);
    if (line.startsWith("D ")) found.folders.set(rest, []);
    else if (line.startsWith("F ")) {
      file = rest;
      found.files.set(file, "");
      found.folders.get(dirname(file))?.push(file);
    } else if (line.startsWith("| ")) found.files.set(file, `${found.files.get(file)}${rest}\n`);
  }
  return found;
}
