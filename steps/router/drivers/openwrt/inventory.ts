import type { Entry, Lease } from "../../base/driver.ts";
import type { Shell } from "../../base/remote-shell.ts";
import { ethersEntries, fileOptions, hostsFileEntries, parseEntry, parseLeases } from "../dnsmasq/config.ts";
import { readPaths } from "../dnsmasq/inventory.ts";
import { hostEntries } from "./hosts.ts";
import { showScript, stateScript, sumScript } from "./scripts.ts";
import { isOn, parseShow, type Section } from "./uci.ts";

/** What an OpenWrt router has, when it was looked at. */
export interface Inventory {
  /** Changes with every change of dnsmasq's settings. */
  sum: string;
  /** The sections of the configurations `dhcp` and `network`. */
  dhcp: Section[];
  network: Section[];
  /** Every fixed lease: those of `dhcp`, and those of other files that its dnsmasq reads. */
  entries: Entry[];
  leases: Lease[];
  isRunning: boolean;
  /** The paths that a change writes to and this user may not. */
  locked: string[];
}

/** Reads all of it; what others have changed there but not yet saved is left out. */
export async function readInventory(shell: Shell): Promise<Inventory> {
  const [sum = ""] = await shell.run(sumScript);
  const [dhcp, network] = [await readConfig(shell, "dhcp"), await readConfig(shell, "network")];
  const state = await shell.run(stateScript);
  const places = placesOf(dhcp);
  const { files, folders } = await readPaths(shell, Object.values(places).flat());
  const textsOf = (paths: readonly string[]) =>
    paths.flatMap((path) => folders.get(path) ?? [path]).map((file) => [file, files.get(file) ?? ""] as const);
  return {
    sum,
    dhcp,
    network,
    entries: [
      ...hostEntries(dhcp),
      ...textsOf(places.ethers).flatMap(([file, text]) => ethersEntries(file, text)),
      ...textsOf(places.hosts).flatMap(([file, text]) => hostsFileEntries(file, text)),
      ...textsOf(places.configuration).flatMap(([file, text]) => configuredEntries(file, text)),
    ],
    leases: textsOf(places.leases).flatMap(([, text]) => parseLeases(text)),
    isRunning: state.some((line) => /^\d/.test(line)),
    locked: state.filter((line) => line.startsWith("/")),
  };
}

async function readConfig(shell: Shell, name: "dhcp" | "network"): Promise<Section[]> {
  return parseShow((await shell.run(showScript(name))).join("\n"));
}

/** Where OpenWrt's dnsmasq gets what is not in its own settings, unless these name other files. */
function placesOf(dhcp: readonly Section[]) {
  const dnsmasq = dhcp.filter(({ type }) => type === "dnsmasq");
  const named = (option: string, preset: string[]) => {
    const paths = dnsmasq.flatMap(({ options }) => options.get(option) ?? []).filter((path) => path.startsWith("/"));
    return paths.length > 0 ? paths : preset;
  };
  return {
    ethers: dnsmasq.every((section) => isOn(section, "readethers", true)) ? ["/etc/ethers"] : [],
    hosts: named("dhcphostsfile", []),
    configuration: ["/etc/dnsmasq.conf", ...named("confdir", ["/tmp/dnsmasq.d"])],
    leases: named("leasefile", ["/tmp/dhcp.leases"]),
  };
}

function configuredEntries(source: string, text: string): Entry[] {
  const hosts = fileOptions(text).filter(({ name }) => name === "dhcp-host");
  return hosts.map(({ value }) => parseEntry(source, value));
}
