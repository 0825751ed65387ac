import { isIPv4 } from "node:net";
import { isIn, networkOf, prefixOf } from "../../../../lib/network.ts";
import type { ServedNetwork, Service } from "../../base/service.ts";
import { type Option, values } from "./config.ts";

/** What dnsmasq serves by its options `dhcp-range` and `domain`, on a host that has these networks itself. */
export function serviceOf(options: readonly Option[], connected: readonly string[]): Service {
  const networks = values(options, "dhcp-range").flatMap((value) => networkFor(value, connected) ?? []);
  const [domain] = values(options, "domain").at(-1)?.split(",") ?? [];
  return {
    networks,
    ...(networks.length === 0 && {
      off: "its configuration has no `dhcp-range` for IPv4. Add one and restart it, or set the router that gives out the addresses",
    }),
    // Otherwise dnsmasq takes it from elsewhere, for "#".
    ...(domain && domain !== "#" && { domain }),
  };
}

/**
 * The network of a `dhcp-range`: tags, addresses or a mode, a netmask, the lease's length. One without a netmask has that
 * of the interface. Undefined for IPv6, and where it only tells machines from where to boot (`proxy`).
 */
function networkFor(value: string, connected: readonly string[]): ServedNetwork | undefined {
  const fields = value.split(",").map((field) => field.trim());
  const ips = fields.filter(isIPv4);
  const [first, second = first] = ips;
  if (first === undefined || second === undefined || fields.includes("proxy")) return undefined;
  const isStatic = fields.includes("static");
  const prefix = prefixOf(ips[isStatic ? 1 : 2] ?? "");
  const own = connected.find((cidr) => isIn(cidr, first));
  const cidr = prefix === undefined ? own : `${networkOf(`${first}/${prefix}`).network}/${prefix}`;
  return { cidr, inside: first, pools: isStatic ? [] : [{ first, last: second }] };
}

/** The networks that a host is in itself, from lines of Linux's /proc/net/route. */
export function connectedNetworks(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const [, destination = "", gateway = "", , , , , mask = ""] = line.trim().split(/\s+/);
    if (gateway !== "00000000") return [];
    // Bytes come in the processor's order; only one of the two makes a netmask.
    const order = [dotted, reversed].find((one) => prefixOf(one(mask)) !== undefined);
    return order ? [`${order(destination)}/${prefixOf(order(mask))}`] : [];
  });
}

const bytes = (hex: string) => (hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16));
const dotted = (hex: string) => bytes(hex).join(".");
const reversed = (hex: string) => bytes(hex).reverse().join(".");
