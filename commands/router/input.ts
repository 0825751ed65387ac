import { isIPv4 } from "node:net";
import { z } from "zod";
import { UserError } from "../../lib/errors.ts";

const word = (what: string, pattern: RegExp) => z.string().regex(pattern, `is not ${what}`);

const reservation = z.object({
  name: word("a host name", /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/),
  mac: word("a MAC address in lower case with colons", /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/),
  ip: z.string().refine(isIPv4, "is not an IPv4 address"),
});

/** RFC 7042 keeps these addresses for examples, so no machine has one. */
const exampleMac = /^00:00:5e:00:53:/;

const absolutePath = word("an absolute path of plain characters", /^\/[\w.+@/ -]*$/);

const router = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("dnsmasq"),
    host: word("a host name or an address", /^[A-Za-z0-9_][\w.:%-]*$/),
    port: z.number().int().min(1).max(65535),
    user: word("a user name", /^[A-Za-z0-9_][\w.-]*$/),
    hostKey: word(
      'a public host key such as "ssh-ed25519 AAAA…"',
      /^[a-z0-9@.-]+ [A-Za-z0-9+/]+=*(?: [^\r\n]*)?$/,
    ).optional(),
    keyFile: z.string().min(1).optional(),
    hostsDir: absolutePath,
    leaseFile: absolutePath,
  }),
  z.object({ kind: z.literal("manual") }),
]);

const ownReservation = reservation.superRefine(({ name, mac }, context) => {
  if (!exampleMac.test(mac)) return;
  const message = `${mac} is an example: put ${name}'s own address into the stack's file (docs/hardware.md tells where it is)`;
  context.addIssue({ code: "custom", path: ["mac"], message });
});

export const reserveInput = z.object({ router, reservation: ownReservation, previous: reservation.optional() });
export const releaseInput = z.object({ router, reservation });
export const leasesInput = z.object({ router });

/** Checks what a verb was given, since all of it goes into a shell on the router; names every fault at once. */
export function check<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `  ${path.join(".") || "input"}: ${message}`);
  throw new UserError(["the router program was given what it can't use:", ...faults].join("\n"));
}
