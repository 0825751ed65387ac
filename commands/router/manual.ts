import { describe } from "./plan.ts";
import type { Router } from "./router.ts";

/** A router that piinit can't talk to: says what to type in at its own pages. The gate checks the outcome. */
export function manualRouter(): Router {
  const heading = "MAC address        IP address       name";
  return {
    async reserve(reservation, previous) {
      const { mac, ip, name } = reservation;
      const instead = previous && `instead of ${describe(previous)}`;
      return [
        `type this reservation into your router${instead ? `, ${instead}` : ""}:`,
        `  ${heading}`,
        `  ${mac}  ${ip.padEnd(15)}  ${name}`,
      ].join("\n");
    },
    release: async (reservation) => `this reservation may be removed from your router: ${describe(reservation)}`,
    reservations: async () => [],
    leases: async () => [],
  };
}
