import type { Reservation } from "./driver.ts";

/** What the user is to do by hand, with a table of the reservations; nothing if there are none. */
export function instruction(what: string, reservations: readonly Reservation[]): string[] {
  if (reservations.length === 0) return [];
  const rows = reservations.map(({ mac, ip, name }) => `  ${mac}  ${ip.padEnd(15)}  ${name}`);
  return [what, "  MAC address        IP address       name", ...rows];
}
