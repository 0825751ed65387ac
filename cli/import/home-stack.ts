import { hostsOf, isCidr } from "../../lib/network.ts";
import type { ImageVariables } from "./packer-variables.ts";

/** A machine as the user describes it. */
export interface NamedMachine {
  name: string;
  mac: string;
  ip: string;
  /** Undefined: `server` if its name is one of the servers' names, otherwise `monitor`. */
  image?: string | undefined;
}

/** A stack's settings converted from the original's variables, and what to report. */
export interface ConvertedStack {
  /** The values below `piinit:`, without secrets. */
  settings: Record<string, unknown>;
  /** Paths below `piinit:` and their values. */
  secrets: { path: string; value: string }[];
  carriedOver: string[];
  notCarriedOver: string[];
}

export const imageName = ({ consul }: ImageVariables) => (consul === "server" ? "server" : "monitor");

/** A machine to ask about; its address is undefined if the network has none left. */
export type ProposedMachine = Pick<NamedMachine, "name" | "image"> & { ip: string | undefined };

/**
 * The machines to ask for, with names and addresses from the variables or else the original's defaults. No name or
 * address is proposed twice.
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

/** Free addresses of the network, from .51 on, then the lower ones; never the first, which most routers have. */
function* freeAddresses(cidr: string, taken: readonly string[]): Generator<string, undefined> {
  for (const ip of hostsOf(cidr, firstHost)) if (!taken.includes(ip)) yield ip;
  return undefined;
}

/** Converts variables, machines and the Wi-Fi country (two capital letters) into a stack, which `parseSettings` checks later. */
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
      ...images.flatMap((image) => image.dropped.map((line) => `${image.file}: ${line}`)),
      ...hostsWithoutMachine(images, machines),
      "gossip key: the original's was in its source; new ones are generated and kept as secrets of the stack",
      "SSH: off in these images; to enable it, add your public keys to an image: `ssh: {keys: […]}`",
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

/** The original had no machines for jobs, so its servers run them here. */
const nomadOf = ({ nomad }: ImageVariables): "both" | "client" | undefined => (nomad === "server" ? "both" : nomad);

function carriedOver(image: ImageVariables): string[] {
  const name = imageName(image);
  const bits = image.board === "pi3" ? "; 64-bit, the original's image was 32-bit" : "";
  return [
    `image ${name} for the board ${image.board} (promarch${bits})`,
    `consul=${image.consul}`,
    ...(nomadOf(image) === "both"
      ? [
          "nomad=server, as `nomad: both`: the servers run jobs, too, which nothing did in the original (`nomad: server` keeps that)",
        ]
      : []),
    ...(nomadOf(image) === "client" ? ["nomad=client"] : []),
    ...(image.dnsmasq ? ["dnsmasq, for the machine itself, as before (`dnsmasq: lan` serves the whole network)"] : []),
    ...(image.prometheus ? ["prometheus and corehosts: it monitors the stack's machines"] : []),
    ...(image.terraform ? ["terraform"] : []),
    ...(image.wifi ? ["wifi_name; wifi_password as a secret of the stack"] : []),
    "node_exporter, as in every image of the original",
  ];
}

function hostsWithoutMachine(images: readonly ImageVariables[], machines: readonly NamedMachine[]): string[] {
  const unknown = images
    .flatMap(({ coreHosts }) => coreHosts)
    .filter((host) => !machines.some(({ name }) => name === host));
  return unknown.length > 0 ? [`corehosts: ${unknown.join(", ")}: no machine of that name was given`] : [];
}
