import { z } from "zod";
import type { Login } from "../../lib/ssh.ts";
import { routerSettings } from "../../steps/router/catalogue.ts";

export const network = z
  .strictObject({
    cidr: z
      .cidrv4({ error: "must be a network such as 192.168.2.0/24", abort: true })
      .refine((cidr) => Number(cidr.split("/")[1]) <= 29, {
        error: "must have room for a router and three machines or more: /29 or larger",
      })
      .meta({ description: "The home network; in a lab, a /24 or smaller.", example: "192.168.2.0/24" }),
    domain: z
      .string()
      .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/, "must be a domain such as home.arpa")
      .default("home.arpa")
      .meta({ description: "The domain of the lab's machines.", example: "lab.home.arpa" }),
    router: routerSettings
      .default({ kind: "manual" })
      .meta({ description: "The home router, which reserves the machines' addresses. A lab has a router of its own." }),
  })
  .meta({ description: "The network that the machines are in." });

/** The user's own ssh configuration supplies what is missing. */
export const builder = z
  .strictObject({
    ssh: z
      .string()
      .regex(/^(\w[\w.-]*@)?\w[\w.:-]*$/, "must be USER@HOST, or a name from your ssh configuration")
      .meta({ description: "`USER@HOST`, or a name from your ssh configuration.", example: "you@nuc" }),
    port: z.int().min(1).max(65535).optional().meta({ description: "The port of its SSH server.", example: 2222 }),
    hostKey: z
      .string()
      .regex(/^\S+ \S+$/, "must be a public host key, e.g. what ssh-keyscan prints after the address")
      .optional()
      .meta({
        description: "Its public host key; otherwise your `known_hosts` must have it.",
        example: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEX",
      }),
    keyFile: z.string().optional().meta({
      description: "A private key to log in with; otherwise your own keys and agent.",
      example: "/home/you/.ssh/nuc",
    }),
  })
  .transform(({ ssh, ...login }): Login => {
    const [host = "", user] = ssh.split("@").toReversed();
    return { ...login, host, user };
  })
  .optional()
  .meta({ description: "A Linux computer that builds the images instead of this one ([builder.md](builder.md))." });
