import { z } from "zod";
import { accessSchema } from "../agents.ts";
import { defineContract } from "../contract.ts";

/** Where a machine's cluster is, and what opens it. */
const cluster = z.object({
  /** Base URLs of Consul's servers, without a trailing slash; whichever answers is asked. */
  consul: z.array(z.url()).min(1),
  /** The same of Nomad's; none if the stack has no Nomad. */
  nomad: z.array(z.url()),
  access: accessSchema,
});

const wantedUpdate = cluster.extend({
  name: z.string(),
  ip: z.ipv4(),
  /** The path of its image, beside which is the update. */
  image: z.string(),
  /** What this computer shows to the machine, PEM. */
  server: z.object({ certificate: z.string(), key: z.string() }),
  /** Where the machine reaches this computer, if not at the address that this computer has towards it, and at any free port. */
  address: z.ipv4().optional(),
  port: z.int().optional(),
});

/** A machine's image, brought to it over the network. */
export const updateStep = defineContract({
  program: "update",
  verbs: {
    update: {
      input: wantedUpdate,
      /** "off": it wasn't in the cluster. "silent": it is, and says nothing of its image. */
      answer: z.object({ state: z.enum(["newest", "off", "silent"]) }),
    },
  },
});

export type UpdateCluster = z.output<typeof cluster>;
export type WantedUpdate = z.output<typeof wantedUpdate>;
