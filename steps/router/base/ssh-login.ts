import { z } from "zod";

/** How to log in to a router, as its settings have it. */
export const sshLogin = {
  host: z
    .string()
    .regex(/^[A-Za-z0-9_][\w.:%-]*$/, "must be the router's name or address, such as router.lan or 192.168.2.1")
    .meta({ description: "The router's name or address, as `ssh` takes it.", example: "192.168.2.1" }),
  port: z.int().min(1).max(65535).default(22).meta({ description: "The port of its SSH server.", example: 2222 }),
  user: z
    .string()
    .regex(/^[A-Za-z0-9_][\w.-]*$/, "must be a user name, such as root")
    .default("root")
    .meta({ description: "The user to log in as.", example: "admin" }),
  hostKey: z
    .string()
    .regex(/^[a-z0-9@.-]+ [A-Za-z0-9+/]+=*(?: [^\r\n]*)?$/, 'must be a public host key, such as "ssh-ed25519 AAAA…"')
    .optional()
    .meta({
      description: "The router's public host key; otherwise your `known_hosts` must have it.",
      example: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEX",
    }),
  keyFile: z.string().min(1).optional().meta({
    description: "A private key to log in with; otherwise your own keys and agent.",
    example: "/home/you/.ssh/router",
  }),
};
