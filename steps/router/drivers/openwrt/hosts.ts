import type { Entry, Reservation } from "../../base/driver.ts";
import { hostNameIn } from "../../base/host-name.ts";
import { firstOf, isOn, type Section, setLines } from "./uci.ts";

/** The option in which a section of ours has its stack's name; dnsmasq's script and OpenWrt's own pages ignore it. */
const ownerOption = "piinit";

/** The fixed leases that sections of the type `host` make. */
export function hostEntries(sections: readonly Section[]): Entry[] {
  return hostsIn(sections).map(entryOf);
}

/** Whether the section is one of this stack's. */
export function isOwn(section: Section, owner: string): boolean {
  return section.name.startsWith("piinit_") && firstOf(section, ownerOption) === owner;
}

export const hostsIn = (sections: readonly Section[]): Section[] => sections.filter(({ type }) => type === "host");

/** As messages name a section. */
export const sourceOf = ({ name }: Section): string => `dhcp.${name}`;

function entryOf(section: Section): Entry {
  const macs = (section.options.get("mac") ?? []).flatMap((value) => value.trim().split(/\s+/)).flatMap(macOf);
  const ip = firstOf(section, "ip");
  const name = firstOf(section, "name")?.toLowerCase();
  return {
    source: sourceOf(section),
    text: [...macs, ip, name].filter(Boolean).join(" "),
    macs,
    ...(ip && ip !== "ignore" && { ip }),
    ...(name && { name: hostNameIn(name) }),
    ignored: ip === "ignore" || !isOn(section, "enabled", true) || !isOn(section, "enable", true),
  };
}

/** A MAC in any spelling as ours are written; one with wildcards is none. */
function macOf(text: string): string[] {
  const pairs = text.toLowerCase().split(/[:-]/);
  const isMac = pairs.length === 6 && pairs.every((pair) => /^[0-9a-f]{1,2}$/.test(pair));
  return isMac ? [pairs.map((pair) => pair.padStart(2, "0")).join(":")] : [];
}

/** The name under which the script that runs a batch has the configuration. */
const batchConfig = "piinit";

/** The name of the section for a machine: uci allows no other characters. */
export const sectionName = ({ mac }: Reservation): string => `piinit_${mac.replaceAll(":", "")}`;

/** Commands of `uci batch` that make of the owner's sections these; none if they are that already. */
export function batchFor(owner: string, sections: readonly Section[], wanted: readonly Reservation[]): string[] {
  const own = hostsIn(sections).filter((section) => isOwn(section, owner));
  const names = new Set(wanted.map(sectionName));
  return [
    ...own.filter(({ name }) => !names.has(name)).map(({ name }) => `delete ${batchConfig}.${name}`),
    ...wanted.flatMap((reservation) => {
      const name = sectionName(reservation);
      const there = own.find((section) => section.name === name);
      return setLines(batchConfig, name, "host", optionsOf(owner, reservation), there);
    }),
  ];
}

/** With `dns`, the name is known before the machine has its first lease. */
function optionsOf(owner: string, { mac, ip, name }: Reservation): Record<string, string> {
  return { name, mac, ip, dns: "1", [ownerOption]: owner };
}
