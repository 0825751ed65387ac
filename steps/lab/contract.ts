import path from "node:path";
import { z } from "zod";
import { accessSchema } from "../agents.ts";
import { defineContract } from "../contract.ts";
import { labRouterName } from "./facts.ts";

/** The lab's folder, with all its files, sockets and logs. */
const dir = z
  .string()
  .min(1)
  .transform((folder) => path.resolve(folder));

const name = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, "is not a host name");

const virtualMachine = z.object({
  dir,
  name,
  image: z.object({ path: z.string().min(1), sha256: z.string().min(1) }),
  memoryMiB: z.number().int().positive(),
  cpus: z.number().int().positive(),
});

const labMachine = virtualMachine.extend({
  name: name.refine((text) => text !== labRouterName, "is the router's name"),
  mac: z.string().regex(/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/, "is not a MAC address in lower case with colons"),
  ip: z.ipv4(),
  /** What opens its agents. Missing in labs of earlier versions, whose agents let everybody in. */
  access: accessSchema.optional(),
});

const labRouter = virtualMachine.extend({ name: z.literal(labRouterName) });

const port = z.int();

const runningMachine = z.object({
  name: z.string(),
  /** On 127.0.0.1. */
  ports: z.object({ ssh: port, consul: port, nomad: port }),
});

const runningRouter = z.object({
  /** Of its SSH on 127.0.0.1, for the dnsmasq driver and for people. */
  port,
  user: z.literal("root"),
  /** "ssh-ed25519 AAAA…", made by the lab before the first boot, so that nothing is taken on trust. */
  hostKey: z.string(),
  /** The lab's own private key (0600); its public half is in the images. */
  keyFile: z.string(),
});

/** Virtual machines and their router. */
export const labStep = defineContract({
  program: "lab",
  verbs: {
    "lab-create": { input: z.object({ dir }), answer: z.object({ publicKey: z.string(), keyFile: z.string() }) },
    "lab-delete": { input: z.object({ dir }) },
    "router-start": { input: labRouter, answer: runningRouter },
    "router-stop": { input: labRouter },
    "machine-start": { input: labMachine, answer: runningMachine },
    "machine-stop": { input: z.object({ dir, name }) },
  },
});

/** A virtual machine that does not yet run. */
export type VirtualMachine = z.output<typeof virtualMachine>;
export type LabMachine = z.output<typeof labMachine>;
export type LabRouter = z.output<typeof labRouter>;

/** A machine of the home has a reservation; its router has none. */
export const isRouter = (spec: VirtualMachine): spec is LabRouter => !("mac" in spec);

export type RunningMachine = z.output<typeof runningMachine>;
export type RunningRouter = z.output<typeof runningRouter>;
