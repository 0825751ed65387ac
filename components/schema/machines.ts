import { z } from "zod";

export const hostname = z
  .string()
  .regex(
    /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/,
    "must be a host name: lower-case letters, digits and hyphens, a letter first",
  );

/** Names that mean something else: to dnsmasq in a reservation, and to every machine. */
const reservedNames = ["ignore", "infinite", "localhost"];

export const machineName = hostname
  .refine((name) => !reservedNames.includes(name), {
    error: ({ input }) =>
      `must be another name: ${input === "localhost" ? "every machine calls itself that" : "dnsmasq takes this one for a keyword"}`,
  })
  .meta({ description: "The machine's host name.", example: "pi1" });

const mac = z
  .string()
  .regex(/^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/, {
    error: "must be a MAC address such as b8:27:eb:01:02:03",
    abort: true,
  })
  .toLowerCase()
  .refine((mac) => /^.[02468ace]/.test(mac), "must be the address of one machine, and this is one of a group")
  .meta({ description: "The MAC address of the network card that it uses, in quotes.", example: "b8:27:eb:01:02:03" });

const ip = z
  .ipv4("must be an IPv4 address such as 192.168.2.51")
  .meta({ description: "The address that the router reserves for it, in `network.cidr`.", example: "192.168.2.51" });

export const machines = z
  .array(
    z.strictObject({
      name: machineName,
      mac,
      ip,
      image: z.string().meta({ description: "The name of its image, one of `images`.", example: "server" }),
    }),
  )
  .min(1, "must name at least one machine")
  .meta({ description: "The stack's machines." });
