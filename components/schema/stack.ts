import { z } from "zod";
import { image } from "./image.ts";
import { jobs, kv, wait } from "./jobs.ts";
import { hostname, machines } from "./machines.ts";
import { builder, network } from "./network.ts";

const lab = z
  .strictObject({
    memoryMiB: z
      .int()
      .min(512)
      .default(768)
      .meta({ description: "Memory of each virtual machine, MiB.", example: 1024 }),
    cpus: z.int().min(1).max(8).default(1).meta({ description: "Processors of each virtual machine.", example: 2 }),
  })
  .optional()
  .meta({ description: "Makes the stack a lab: its machines are virtual, and so is their router." });

const generation = z
  .union(
    [
      z.int().min(1),
      z
        .string()
        .regex(/^[1-9]\d*$/)
        .transform(Number),
    ],
    "must be a number from 1 on",
  )
  .default(1)
  .meta({
    description: "Another number makes all certificates, tokens and gossip keys anew; `./piinit rotate` raises it.",
    example: 2,
  });

const refreshed = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\dZ$/, "must be a time such as 2026-11-27T18:30Z")
  .optional()
  .meta({
    description:
      "Another time makes all images anew, with the packages that Debian has on the day of the build; `./piinit build --refresh` sets it.",
    example: "2026-11-27T18:30Z",
  });

const updates = z
  .strictObject({
    address: z.ipv4("must be an IPv4 address such as 192.168.2.10").optional().meta({
      description: "Where machines reach the computer that runs `up`, if not at its own address in their network.",
      example: "192.168.2.10",
    }),
    port: z.int().min(1).max(65535).optional().meta({
      description: "The port at which they get their update, for a firewall to let in; any free one by default.",
      example: 8443,
    }),
  })
  .prefault({})
  .meta({ description: "How machines get a new image over the network ([updates.md](updates.md))." });

/** A stack's settings: everything under `piinit:` in its file. */
export const stackSchema = z.strictObject({
  datacenter: z
    .string()
    .regex(/^[a-z0-9_-]+$/, "must have lower-case letters, digits, hyphens and underscores only")
    .default("dc1")
    .meta({ description: "The name of Consul's and Nomad's datacenter.", example: "home" }),
  network,
  lab,
  builder,
  // Without the names that every JavaScript object has, such as "constructor".
  images: z
    .record(hostname, image)
    .transform((images): typeof images => Object.assign(Object.create(null), images))
    .meta({ description: "The images that machines can have." }),
  machines,
  kv,
  jobs,
  generation,
  refreshed,
  updates,
  wait,
});

/** A stack's settings with every default filled in. */
export type Settings = z.output<typeof stackSchema>;
export type Machine = Settings["machines"][number];
