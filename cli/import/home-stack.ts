import { hostsOf, isCidr } from "../../lib/network.ts";
import type { ImageVariables } from "./packer-variables.ts";

/** A machine as a person names it. */
export interface NamedMachine {
  name: string;
  mac: string;
  ip: string;
  /** Left out: a server when its name is one of the servers' names, the monitor otherwise. */
  image?: string | undefined;
}

/** A stack's settings made of the original's variables, and what to tell about it. */
export interface ConvertedStack {
  /** The values below `piinit:`, without secrets. */
  settings: Record<string, unknown>;
  /** Paths below `piinit:` and their values. */
  secrets: { path: string; value: string }[];
  carriedOver: string[];
  notCarriedOver: string[];
}

export const imageName = ({ consul }: ImageVariables) => (consul === "server" ? "server" : "monitor");

/** A machine that a person is asked about; without an address where the network has none left. */
export type ProposedMachine = Pick<NamedMachine, "name" | "image"> & { ip: string | undefined };

/**
 * The machines to ask for: what the variables tell of them, and the original's own names and addresses for the rest. No
 * name and no address is proposed twice.
 */
export function machinesToAskFor(images: readonly ImageVariables[]): ProposedMachine[] {
  const addresses = addressesIn(images);
  const servers = serverNames(images);
  const hasMonitor = images.some((image) => imageName(image) === "monitor");
  const free = freeAddresses(cidrOf(images), addresses);
  const machines = [
    ...servers.map((name, index) => ({ name, image: "server", ip: addresses[index] })),
    ...(hasMonitor ? [{ name: monitorName(servers), image: "monitor", ip: undefined }] : []),
  ];
  return machines.map(({ ip, ...machine }) => ({ ...machine, ip: ip ?? free.next().value }));
}

const addressesIn = (images: readonly ImageVariables[]) => [...new Set(images.flatMap((image) => image.coreServers))];

function serverNames(images: readonly ImageVariables[]): string[] {
  const named = images.flatMap(({ coreHosts }) => coreHosts);
  if (named.length > 0) return [...new Set(named)];
  const count = Math.max(3, addressesIn(images).length);
  return Array.from({ length: count }, (_, index) => `pi${index + 1}`);
}

function monitorName(servers: readonly string[], number = 1): string {
  const name = `zero${number}`;
  return servers.includes(name) ? monitorName(servers, number + 1) : name;
}

function cidrOf(images: readonly ImageVariables[]): string {
  const cidr = images.find((image) => image.cidr)?.cidr;
  if (cidr !== undefined && isCidr(cidr)) return cidr;
  return cidrAround(addressesIn(images)[0] ?? "192.168.2.0");
}

const cidrAround = (ip: string) => `${ip.split(".").slice(0, 3).join(".")}.0/24`;

/** The original's servers begin at .51. */
const firstHost = 51;

/** Addresses of the network that nobody has, those before the usual ones last, and never the first, the usual router's. */
function* freeAddresses(cidr: string, taken: readonly string[]): Generator<string, undefined> {
  for (const ip of hostsOf(cidr, firstHost)) if (!taken.includes(ip)) yield ip;
  return undefined;
}

/** Turns variables, machines and the Wi-Fi country (two capital letters) into a stack. Checks nothing: `parseSettings` does. */
export function convert(
  images: readonly ImageVariables[],
  machines: readonly NamedMachine[],
  country: string | undefined,
): ConvertedStack {
  const placed = machines.map((machine) => ({ ...machine, image: machine.image ?? imageFor(machine.name, images) }));
  return {
    settings: {
      network: {
        cidr: images.find(({ cidr }) => cidr)?.cidr ?? cidrAround(machines[0]?.ip ?? ""),
        router: { kind: "manual" },
      },
      images: Object.fromEntries(
        images.map((image) => [imageName(image), { board: image.board, roles: rolesOf(image, country) }]),
      ),
      machines: placed.map(({ name, mac, ip, image }) => ({ name, mac: mac.toLowerCase(), ip, image })),
    },
    secrets: images.flatMap((image) =>
      image.wifi ? [{ path: `images.${imageName(image)}.roles.wifi.passphrase`, value: image.wifi.passphrase }] : [],
    ),
    carriedOver: images.flatMap((image) => carriedOver(image).map((line) => `${image.file}: ${line}`)),
    notCarriedOver: [
      ...images.flatMap((image) => image.lost.map((line) => `${image.file}: ${line}`)),
      ...strangers(images, machines),
      "gossip key: the original's stood in its source; new ones are made, and kept as secrets of the stack",
      "SSH: off in these images; to have it, give an image your public keys: `ssh: {keys: […]}`",
    ],
  };
}

function imageFor(name: string, images: readonly ImageVariables[]): string {
  const hasMonitor = images.some((image) => imageName(image) === "monitor");
  return hasMonitor && !serverNames(images).includes(name) ? "monitor" : "server";
}

function rolesOf(image: ImageVariables, country: string | undefined): Record<string, unknown> {
  return {
    consul: image.consul,
    ...(nomadOf(image) && { nomad: nomadOf(image) }),
    ...(image.dnsmasq && { dnsmasq: "machine" }),
    ...(image.prometheus && { prometheus: true }),
    ...(image.terraform && { terraform: true }),
    "node-exporter": true,
    ...(image.wifi && { wifi: { ssid: image.wifi.ssid, country } }),
  };
}

/** The original's servers ran no jobs, and nothing else did: here they do both. */
function nomadOf({ nomad, board }: ImageVariables): "both" | "client" | undefined {
  if (!nomad || board === "pi-zero") return undefined;
  return nomad === "server" ? "both" : "client";
}

function carriedOver(image: ImageVariables): string[] {
  const name = imageName(image);
  const bits = image.board === "pi3" ? "; 64-bit, the original's image was 32-bit" : "";
  return [
    `image ${name} for the board ${image.board} (promarch${bits})`,
    `consul=${image.consul}`,
    ...(nomadOf(image) === "both"
      ? [
          "nomad=server, as `nomad: both`: the servers run jobs too, in the original nothing did (`nomad: server` keeps that)",
        ]
      : []),
    ...(nomadOf(image) === "client" ? ["nomad=client"] : []),
    ...(image.dnsmasq ? ["dnsmasq, for the machine itself as before (`dnsmasq: lan` answers the whole network)"] : []),
    ...(image.prometheus ? ["prometheus and corehosts: it watches the stack's machines"] : []),
    ...(image.terraform ? ["terraform"] : []),
    ...(image.wifi ? ["wifi_name; wifi_password as a secret of the stack"] : []),
    "node_exporter, as every image had it",
  ];
}

function strangers(images: readonly ImageVariables[], machines: readonly NamedMachine[]): string[] {
  const unknown = images
    .flatMap(({ coreHosts }) => coreHosts)
    .filter((host) => !machines.some(({ name }) => name === host));
  return unknown.length > 0 ? [`corehosts: ${unknown.join(", ")}: no such machine was given`] : [];
}
