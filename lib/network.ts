import { isIPv4 } from "node:net";

/** IPv4 arithmetic for the home network; addresses are dotted strings outside, 32-bit numbers inside. */

export interface Network {
  network: string;
  broadcast: string;
  netmask: string;
  prefix: number;
  /** The first host address, where the lab's router is. */
  router: string;
}

/** The parts of a CIDR such as 192.168.2.0/24. */
export function networkOf(cidr: string): Network {
  const [base = "", length = ""] = cidr.split("/");
  const prefix = Number(length);
  const mask = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
  const network = (toNumber(base) & mask) >>> 0;
  return {
    network: toAddress(network),
    broadcast: toAddress((network | ~mask) >>> 0),
    netmask: toAddress(mask),
    prefix,
    router: toAddress(network + 1),
  };
}

/** Whether a machine can have that address: it is in the network and neither its first nor its last. */
export function isHostIn(cidr: string, ip: string): boolean {
  const { network, broadcast } = networkOf(cidr);
  return toNumber(ip) > toNumber(network) && toNumber(ip) < toNumber(broadcast);
}

/** Whether an address is in a network, its first and last included. */
export function isIn(cidr: string, ip: string): boolean {
  const { network, prefix } = networkOf(cidr);
  return networkOf(`${ip}/${prefix}`).network === network;
}

/** Whether an address is one of a range, which has both of its ends. */
export function isBetween(first: string, ip: string, last: string): boolean {
  return toNumber(ip) >= toNumber(first) && toNumber(ip) <= toNumber(last);
}

/** Every host address of a network. */
export function addressesOf(cidr: string): string[] {
  const { network, broadcast } = networkOf(cidr);
  const first = toNumber(network) + 1;
  return Array.from({ length: toNumber(broadcast) - first }, (_, index) => toAddress(first + index));
}

/** The address that comes N places after a network's own. */
export function addressAt(cidr: string, nth: number): string {
  return toAddress(toNumber(networkOf(cidr).network) + nth);
}

/** The length of the prefix that a netmask such as 255.255.255.0 stands for; undefined if it is none. */
export function prefixOf(netmask: string): number | undefined {
  if (!isIPv4(netmask)) return undefined;
  const [, ones] = /^(1+)0*$/.exec(toNumber(netmask).toString(2).padStart(32, "0")) ?? [];
  return ones?.length;
}

export function isCidr(text: string): boolean {
  const [, base = "", length = ""] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
  return isIPv4(base) && Number(length) <= 30;
}

/**
 * The host addresses of a network, starting at the Nth and then those before it, except the first, which most
 * routers have. Starts at the second if the network is smaller than that.
 */
export function* hostsOf(cidr: string, nth: number): Generator<string> {
  const { network, broadcast } = networkOf(cidr);
  const [base, last] = [toNumber(network), toNumber(broadcast) - 1];
  const begin = base + nth <= last ? base + nth : base + 2;
  for (let ip = begin; ip <= last; ip += 1) yield toAddress(ip);
  for (let ip = base + 2; ip < begin; ip += 1) yield toAddress(ip);
}

function toNumber(ip: string): number {
  return ip.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
}

function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
}
