import { z } from "zod";
import { main } from "../../lib/program.ts";
import type { Expectation } from "./spec.ts";
import { waitUntilReady } from "./wait.ts";

const expectation: z.ZodType<Expectation> = z.object({
  datacenter: z.string(),
  machines: z
    .array(
      z.object({
        name: z.string(),
        ip: z.string(),
        mac: z.string(),
        image: z.string(),
        consulUrl: z.url(),
        nomadUrl: z.string(),
        consulServer: z.boolean(),
        nomad: z.enum(["server", "client", "both"]).optional(),
      }),
    )
    .min(1),
  deadlineSeconds: z.number().min(0),
  remedy: z.string(),
  guards: z.string(),
});

await main({
  wait: (input, { progress, signal }) => waitUntilReady(expectation.parse(input), progress, signal),
});
