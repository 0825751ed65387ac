import { readFile } from "node:fs/promises";
import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import { isHostIn, networkOf } from "./network.ts";
import { run } from "./run.ts";

/** The address of the router that this machine's packets go to, if it has one. */
export async function defaultGateway(): Promise<string | undefined> {
  if (process.platform === "linux") return gatewayIn(await readFile("/proc/net/route", "utf8").catch(() => ""));
  const text = await run("route", ["-n", "get", "default"]).catch(() => "");
  return /^\s*gateway: ([\d.]+)$/m.exec(text)?.[1];
}

/** The gateway in Linux's table of routes, /proc/net/route, whose addresses are hex with the last byte first. */
export function gatewayIn(table: string): string | undefined {
  const rows = table.split("\n").map((line) => line.trim().split(/\s+/));
  const toAnywhere = rows.filter(([, to, via, , , , , mask]) => to === "00000000" && mask === to && via !== to);
  const [best] = toAnywhere.sort((a, b) => Number(a[6]) - Number(b[6]));
  const bytes = best?.[2]?.match(/[\dA-F]{2}/gi)?.reverse();
  return bytes?.map((byte) => Number.parseInt(byte, 16)).join(".");
}

/** The network of this machine that has the address in it, such as "192.168.2.0/24". */
export function networkWith(address: string): string | undefined {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const isOutside = own.filter(({ family, internal }) => family === "IPv4" && !internal);
  const cidr = isIPv4(address) && isOutside.find(({ cidr }) => cidr && isHostIn(cidr, address))?.cidr;
  if (!cidr) return undefined;
  const { network, prefix } = networkOf(cidr);
  return `${network}/${prefix}`;
}
