import { isIPv4 } from "node:net";
import { z } from "zod";
import { UserError } from "../../lib/errors.ts";
import { routerSettings } from "./drivers.ts";

const reservation = z.object({
  name: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, "is not a host name"),
  mac: z.string().regex(/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/, "is not a MAC address in lower case with colons"),
  ip: z.string().refine(isIPv4, "is not an IPv4 address"),
});
const reservations = z.array(reservation);

/** RFC 7042 keeps these addresses for examples, so no machine has one. */
const exampleMac = /^00:00:5e:00:53:/;

const ownReservation = reservation.superRefine(({ name, mac }, context) => {
  if (!exampleMac.test(mac)) return;
  const message = `${mac} is an example: put ${name}'s own address into the stack's file (docs/hardware.md tells where it is)`;
  context.addIssue({ code: "custom", path: ["mac"], message });
});

/** The stack's name is part of a file's name on the router. */
const owner = z.string().regex(/^[A-Za-z0-9_.-]{1,100}$/, "is not a stack's name");

export const applyInput = z.object({ router: routerSettings, owner, reservations: z.array(ownReservation) });
export const clearInput = z.object({ router: routerSettings, owner, reservations });
export const releaseInput = z.object({ router: routerSettings, reservation });
/** What `apply` answers, and is given again when it is run for a changed table. */
export const applied = z.object({ router: z.string(), reservations });
export type Applied = z.output<typeof applied>;

/** Checks what a verb was given, since all of it goes into a shell on the router; names every fault at once. */
export function check<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `  ${path.join(".") || "input"}: ${message}`);
  throw new UserError(["the router program was given what it can't use:", ...faults].join("\n"));
}
