import { isIPv4 } from "node:net";
import { isCidr, networkOf } from "../../../../lib/network.ts";
import type { NamedNetwork } from "../../base/place.ts";
import type { Pool, Service } from "../../base/service.ts";
import { type Configuration, subnetsOf } from "./config.ts";

/** The networks in which Kea gives out addresses. */
export function networksOf(config: Configuration): NamedNetwork<number>[] {
  return subnetsOf(config).map((one) => ({
    id: one.id,
    cidr: one.subnet,
    pools: (one.pools ?? []).flatMap(({ pool }) => poolOf(pool) ?? []),
    // It then looks at the pool alone before it gives an address from it to anybody.
    keepsPools: one["reservations-out-of-pool"] ?? config.Dhcp4["reservations-out-of-pool"] ?? false,
  }));
}

/** What Kea serves. */
export function serviceOf(config: Configuration): Service {
  const subnets = subnetsOf(config);
  const { Dhcp4 } = config;
  const options = [...subnets.flatMap((one) => one["option-data"] ?? []), ...(Dhcp4["option-data"] ?? [])];
  return {
    networks: networksOf(config),
    domain: options.find(({ name }) => name === "domain-name")?.data,
    ...(subnets.length === 0 && {
      off: "its configuration has no subnet. Add one (`subnet4`), or set the router that gives out the addresses",
    }),
  };
}

/**
 * Why the login may change nothing, by the commands that Kea tells it of, and what to do: with its hook library `rbac`, it
 * can leave those out that it would refuse.
 */
export function whyDenied(commands: ReadonlySet<string>, isKept: boolean): string | undefined {
  const change = commands.has("reservation-add") ? ["reservation-del"] : ["config-test", "config-set"];
  const lacking = [...change, ...(isKept ? ["config-write"] : [])].filter((one) => !commands.has(one));
  if (lacking.length === 0) return undefined;
  return `it tells of no ${lacking.join(", ")}. Allow the user these commands (\`accept-commands\` of its hook library libdhcp_rbac.so)`;
}

/** "FIRST - LAST", or a network. */
function poolOf(text: string): Pool | undefined {
  const [first = "", last = ""] = text.split("-").map((part) => part.trim());
  if (isIPv4(first) && isIPv4(last)) return { first, last };
  if (!isCidr(text)) return undefined;
  const { network, broadcast } = networkOf(text);
  return { first: network, last: broadcast };
}
