import path from "node:path";
import { z } from "zod";
import { UserError } from "../../lib/errors.ts";
import { main } from "../../lib/program.ts";
import { createLab, deleteLab } from "./lab.ts";
import { removeMachine, replaceMachine } from "./machine.ts";
import { startRouter } from "./router-machine.ts";

const dir = z
  .string()
  .min(1)
  .transform((folder) => path.resolve(folder));
const name = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, "is not a host name");
const hardware = {
  dir,
  image: z.object({ path: z.string().min(1), sha256: z.string().min(1) }),
  memoryMiB: z.number().int().positive(),
  cpus: z.number().int().positive(),
};
const lab = z.object({ dir });
const router = z.object({ ...hardware, name: z.literal("router") });
const machine = z.object({
  ...hardware,
  name: name.refine((text) => text !== "router", "is the router's name"),
  mac: z.string().regex(/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/, "is not a MAC address in lower case with colons"),
  ip: z.ipv4(),
});

/** The input if it is what the verb needs; names every fault at once. */
function check<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path: place, message }) => `  ${place.join(".") || "input"}: ${message}`);
  throw new UserError(["the lab program was given what it can't use:", ...faults].join("\n"));
}

await main({
  "lab-create": (input) => createLab(check(lab, input).dir),
  "lab-delete": (input) => deleteLab(check(lab, input).dir),
  "router-start": (input, context) => startRouter(check(router, input), context),
  "router-stop": (input, context) => removeMachine(check(router, input).dir, "router", context),
  "machine-start": (input, context) => replaceMachine(check(machine, input), context),
  "machine-stop": (input, context) => {
    const { dir: folder, name: machineName } = check(z.object({ dir, name }), input);
    return removeMachine(folder, machineName, context);
  },
});
