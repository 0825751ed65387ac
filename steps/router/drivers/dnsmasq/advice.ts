import { quote } from "../../../../lib/shell.ts";
import type { Shell } from "../../base/remote-shell.ts";

/** What there is to know of a running dnsmasq from how it was started. */
interface Started {
  args: readonly string[];
  mainFile: string;
}

/** Why reservations can't be made in that folder, and what to do: either dnsmasq needs a line, or it isn't the router's. */
export async function whyNotRead(
  shell: Shell,
  { host, hostsDir }: { host: string; hostsDir: string },
  running: readonly Started[],
): Promise<string> {
  const marks = new Set(await shell.run(surveyScript));
  const own = running.find((one) => managerOf(one) === undefined);
  const other = marks.has("openwrt") ? others.openwrt : own ? undefined : othersIn(marks);
  const [first] = running;
  const intro = first ? `dnsmasq on ${host} does not read ${hostsDir}` : `no dnsmasq runs on ${host}`;
  if (other) return `${intro}; it is ${other.name}: set \`kind: ${other.kind}\` (docs/routers/${other.kind}.md)`;
  if (!first) return `${intro}: start it, or set another router`;
  const line = [`  mkdir -p ${quote(hostsDir)}`, `  dhcp-hostsdir=${hostsDir}`] as const;
  const manager = managerOf(own ?? first);
  if (manager) return [`${intro}: it belongs to ${manager.name}. ${manager.advice}`, ...line].join("\n");
  const { mainFile } = own ?? first;
  if (isGenerated(mainFile) || marks.has("jffs"))
    return [
      `${intro}, and its ${mainFile} is made by the router's firmware. Make the folder, and give the line to the firmware (docs/routers/dnsmasq.md):`,
      ...line,
    ].join("\n");
  const [folder, option] = line;
  return [
    `${intro}. On the router, once:`,
    folder,
    `  add this line to ${mainFile}, and restart dnsmasq:`,
    option,
  ].join("\n");
}

interface Manager {
  name: string;
  advice: string;
}

const libvirt: Manager = {
  name: "libvirt, for its virtual machines",
  advice:
    "That is no router of a home: set another one. If it is yours, libvirt must give its dnsmasq the line (`virsh net-edit`), once:",
};
const networkManager: Manager = {
  name: "NetworkManager",
  advice:
    "For a connection that it shares, make the folder, put the line into a file in /etc/NetworkManager/dnsmasq-shared.d, and start the connection again, once:",
};

/** The program that starts this dnsmasq and makes its files anew each time. */
function managerOf({ args }: Started): Manager | undefined {
  const line = args.join(" ");
  if (line.includes("/libvirt/")) return libvirt;
  return /NetworkManager|nm-dnsmasq/.test(line) ? networkManager : undefined;
}

/** On file systems that a restart empties, and in OpenWrt's folder for what it makes of its own settings. */
const isGenerated = (file: string) => /^\/(?:tmp|run|var\/(?:run|tmp|etc))\//.test(file);

const others = {
  openwrt: { name: "an OpenWrt", kind: "openwrt" },
  "pihole-FTL": { name: "a Pi-hole", kind: "pihole" },
  AdGuardHome: { name: "an AdGuard Home", kind: "adguard" },
  "kea-dhcp4": { name: "a router with Kea", kind: "kea" },
} as const;

const othersIn = (marks: ReadonlySet<string>) => Object.entries(others).find(([mark]) => marks.has(mark))?.[1];

/** Prints the marks of other kinds of router, one a line. */
const surveyScript = [
  "[ ! -e /etc/openwrt_release ] || echo openwrt",
  "[ ! -d /jffs ] || echo jffs",
  "cat /proc/[0-9]*/comm 2>/dev/null || true",
].join("\n");
