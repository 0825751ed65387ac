import { isHostIn } from "../../../../lib/network.ts";
import type { Reservation } from "../../base/driver.ts";
import { reservationText } from "../../base/table.ts";
import { firstOf, isOn, type Section } from "./uci.ts";

/** A network in which the router gives out addresses. */
interface Served {
  /** As OpenWrt calls it, such as "lan". */
  name: string;
  /** The router's own address with the length of the prefix; undefined where the settings have none. */
  address: string | undefined;
}

/**
 * Why the router's dnsmasq can't give the machines these addresses, from the configurations `dhcp` and `network`: it is
 * off, or the addresses are the router's own or in none of its networks. Undefined if it can.
 */
export function whyNotServed(
  dhcp: readonly Section[],
  network: readonly Section[],
  reservations: readonly Reservation[],
): string | undefined {
  if (!dhcp.some((section) => section.type === "dnsmasq" && !isOn(section, "disabled", false)))
    return "its settings have no dnsmasq, or it is disabled there";
  if (dhcp.some((section) => section.type === "odhcpd" && isOn(section, "maindhcp", false)))
    return "odhcpd gives out its addresses (maindhcp), and piinit drives dnsmasq only";
  const served = servedNetworks(dhcp, network);
  if (served.length === 0) return "it gives out no addresses: DHCP is off for every network in its settings";
  const known = served.flatMap(({ address }) => address ?? []);
  const own = reservations.filter(({ ip }) => known.some((address) => address.split("/")[0] === ip));
  if (own.length > 0) return `the address is its own: ${own.map(reservationText).join(", ")}`;
  if (known.length < served.length) return undefined;
  const outside = reservations.filter(({ ip }) => !known.some((address) => isHostIn(address, ip)));
  if (outside.length === 0) return undefined;
  const networks = served.map(({ name, address }) => `${name} (${address})`).join(", ");
  return `its DHCP serves ${networks}, and these addresses are not in there: ${outside.map(reservationText).join(", ")}`;
}

function servedNetworks(dhcp: readonly Section[], network: readonly Section[]): Served[] {
  const serving = dhcp.filter(
    (section) =>
      section.type === "dhcp" && !isOn(section, "ignore", false) && firstOf(section, "dhcpv4") !== "disabled",
  );
  return serving.map((section) => {
    const name = firstOf(section, "interface") ?? section.name;
    return { name, address: addressOf(network.find((one) => one.name === name)) };
  });
}

function addressOf(section: Section | undefined): string | undefined {
  const address = section && firstOf(section, "ipaddr");
  if (!address) return undefined;
  const netmask = firstOf(section, "netmask") ?? "";
  const cidr = address.includes("/") ? address : `${address}/${prefixOf(netmask)}`;
  return /^\d+(\.\d+){3}\/\d+$/.test(cidr) ? cidr : undefined;
}

function prefixOf(netmask: string): string {
  const bits = netmask.split(".").map((byte) => Number(byte).toString(2).padStart(8, "0"));
  const [, ones = ""] = /^(1+)0*$/.exec(bits.join("")) ?? [];
  return ones && String(ones.length);
}
