/** The services of a lab machine that the host can reach, in the order of display. */
export const services = { ssh: 22, consul: 8501, nomad: 4646 } as const;
export type Service = keyof typeof services;

/**
 * The port on the lab router's outer interface that leads to a machine's service: a base for the service plus the
 * machine's number in its network (the last byte of its address; a lab network is a /24 or smaller).
 * The router image forwards all of them, so machines come and go without a change to the router.
 */
export function forwardedPort(service: Service, ip: string): number {
  const base = { ssh: 10_000, consul: 11_000, nomad: 12_000 }[service];
  return base + Number(ip.split(".")[3]);
}

/** The router's name among the lab's machines and images. */
export const labRouterName = "router";

/** The router's two network cards, by MAC because interface names are not stable. */
export const routerMacs = { lan: "52:54:00:00:00:01", wan: "52:54:00:00:00:02" } as const;

/** The label of the second disk's ext4 file system, on which machines and router keep their state. */
export const dataLabel = "data";
