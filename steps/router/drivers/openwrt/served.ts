import { addressAt, isIn, prefixOf } from "../../../../lib/network.ts";
import type { Pool, ServedNetwork, Service } from "../../base/service.ts";
import type { Inventory } from "./inventory.ts";
import { firstOf, isOn, type Section } from "./uci.ts";

type ServedBy = Pick<Inventory, "dhcp" | "network" | "isRunning" | "locked">;

/** What the router's dnsmasq serves, from the configurations `dhcp` and `network`. */
export function serviceOf({ dhcp, network, isRunning, locked }: ServedBy): Service {
  const networks = dhcp.filter(isServing).map((section) => networkOf(section, network));
  const domain = dhcp.flatMap((section) => (section.type === "dnsmasq" ? (firstOf(section, "domain") ?? []) : []))[0];
  const denied =
    locked.length > 0
      ? `it may not write to ${locked.join(" and ")}. Set \`user\` to one who may (root may)`
      : undefined;
  return { off: whyOff(dhcp, isRunning), denied, networks, domain };
}

function whyOff(dhcp: readonly Section[], isRunning: boolean): string | undefined {
  if (dhcp.some((section) => section.type === "odhcpd" && isOn(section, "maindhcp", false)))
    return "odhcpd does instead of dnsmasq (maindhcp), and piinit drives dnsmasq only";
  if (!dhcp.some((section) => section.type === "dnsmasq" && !isOn(section, "disabled", false)))
    return "its settings have no dnsmasq, or it is disabled there. Turn it on (/etc/config/dhcp), or set the router that gives them out";
  if (!isRunning)
    return "no dnsmasq runs there. Start it (/etc/init.d/dnsmasq start), or set the router that gives them out";
  return dhcp.some(isServing)
    ? undefined
    : "DHCP is off for every network in its settings. Turn it on for one (Network > Interfaces > LAN > DHCP Server), or set the router that gives them out";
}

const isServing = (section: Section): boolean =>
  section.type === "dhcp" && !isOn(section, "ignore", false) && firstOf(section, "dhcpv4") !== "disabled";

function networkOf(section: Section, network: readonly Section[]): ServedNetwork {
  const name = firstOf(section, "interface") ?? section.name;
  const cidr = addressOf(network.find((one) => one.name === name));
  return { name, cidr, pools: cidr && isOn(section, "dynamicdhcp", true) ? poolsOf(section, cidr) : [] };
}

/** OpenWrt counts from the network's own address, and has its presets. */
function poolsOf(section: Section, cidr: string): Pool[] {
  const start = Number(firstOf(section, "start") ?? 100);
  const limit = Number(firstOf(section, "limit") ?? 150);
  const [first, last] = [addressAt(cidr, start), addressAt(cidr, start + limit - 1)];
  return [first, last].every((ip) => isIn(cidr, ip)) ? [{ first, last }] : [];
}

function addressOf(section: Section | undefined): string | undefined {
  const address = section && firstOf(section, "ipaddr");
  if (!address) return undefined;
  const cidr = address.includes("/") ? address : `${address}/${prefixOf(firstOf(section, "netmask") ?? "")}`;
  return /^\d+(\.\d+){3}\/\d+$/.test(cidr) ? cidr : undefined;
}
