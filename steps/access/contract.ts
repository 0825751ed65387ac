import { z } from "zod";
import { accessSchema } from "../agents.ts";
import { defineContract } from "../contract.ts";

const token = z.object({ accessor: z.uuid(), secret: z.uuid() });

const wanted = z.object({
  /** Base URLs of Consul's servers, without a trailing slash; whichever answers is asked. */
  consul: z.array(z.url()).min(1),
  /** The same of Nomad's; none if the stack has no Nomad. */
  nomad: z.array(z.url()),
  access: accessSchema,
  /** Each image's agents have a token of their own, which is good for the image's machines. */
  images: z.array(z.object({ name: z.string(), machines: z.array(z.string()), token })),
  /** The other tokens that images have. */
  tokens: z.object({ dns: token, nomadServer: token, nomadClient: token, prometheus: token }),
  /** Where Consul's servers find Nomad's public keys. */
  jwksUrl: z.url(),
  /** How long the cluster may take, seconds. */
  deadlineSeconds: z.number().min(0),
});

/** Who may do what: the rights and tokens that images and jobs rely on. */
export const accessStep = defineContract({
  program: "access",
  verbs: {
    grant: {
      input: wanted,
      /** How many objects were missing or otherwise. */
      answer: z.object({ written: z.int() }),
    },
  },
});

/** What the step reads. */
export type WantedAccess = z.output<typeof wanted>;

export type Token = z.output<typeof token>;
