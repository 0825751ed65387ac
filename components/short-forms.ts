import { hostsOf, isCidr } from "../lib/network.ts";

type Raw = Record<string, unknown>;

/** What the servers do where the settings only say which board they have. */
const serverRoles = { consul: "server", nomad: "both", "node-exporter": true };

/**
 * The settings, given as the values below `piinit:`, with what they stand for in place of texts. `pulumi new` can ask for
 * texts only: the network's CIDR, the servers' board, and the machines' MAC addresses.
 */
export function withLongForms(given: Raw): Raw {
  const { network, images, machines } = given;
  const cidr = typeof network === "string" ? network : Object(network).cidr;
  return {
    ...given,
    ...(typeof network === "string" && { network: { cidr } }),
    ...(typeof images === "string" && { images: { server: { board: images, roles: serverRoles } } }),
    ...(typeof machines === "string" && { machines: machinesOf(machines, String(cidr)) }),
  };
}

/** Machines pi1, pi2 and so on, from the network's 51st address on. */
function machinesOf(macs: string, cidr: string): Raw[] {
  const addresses = isCidr(cidr) ? hostsOf(cidr, 51) : undefined;
  return macs
    .split(/[\s,]+/)
    .filter(Boolean)
    .map((mac, index) => ({ name: `pi${index + 1}`, mac, ip: addresses?.next().value, image: "server" }));
}
