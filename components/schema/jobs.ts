import { z } from "zod";
import { hclExpression } from "../jobspec.ts";

const scalar = z
  .union([z.string(), z.number(), z.boolean()], "must be a text, a number, true or false")
  .transform(String);

/** A list or a map becomes the expression that it is in a job file. */
const jobVariable = z.union(
  [scalar, z.union([z.array(z.json()), z.record(z.string(), z.json())]).transform(hclExpression)],
  "must be a text, a number, true, false, a list or a map",
);

export const kv = z
  .record(
    z
      .string()
      .regex(/^[^/].*$/, "must be a key without a leading slash")
      .refine((key) => !key.startsWith("piinit/"), "must not be below piinit/, where updates have their keys"),
    scalar.meta({ description: "The value of the key `NAME`.", example: "Hello", secret: "possible" }),
  )
  .prefault({})
  .meta({ description: "Keys for Consul's key-value store." });

export const jobs = z
  .record(
    z.string(),
    z
      .strictObject({
        file: z
          .string()
          .meta({ description: "The job's file, relative to the project.", example: "jobs/page.nomad.hcl" }),
        vars: z
          .record(
            z.string(),
            jobVariable.meta({
              description: "The value of the file's variable `NAME`.",
              example: "*/15 * * * *",
              secret: "possible",
            }),
          )
          .prefault({})
          .meta({ description: "Values for the file's variables." }),
        secrets: z
          .record(
            z.string().regex(/^\w+$/, "must have letters, digits and underscores only"),
            scalar.meta({
              description: "The item `NAME` of the job's variable in Nomad. Set it with `./piinit secret`.",
              example: "correct horse",
              secret: "always",
            }),
          )
          .prefault({})
          .meta({
            description: "Secrets that only this job's tasks can read, in the variable `nomad/jobs/JOB` of Nomad.",
          }),
      })
      .meta({ description: "A job. The name here is for the settings alone; the job's own is in its file." }),
  )
  .prefault({})
  .meta({ description: "Jobs for Nomad." });

const durationUnits: Record<string, number> = { s: 1, m: 60, h: 3600 };

/** "90s", "10m" or "1h", as seconds. */
export const wait = z
  .string()
  .regex(/^[1-9]\d*[smh]$/, "must be a duration such as 90s, 10m or 1h")
  .transform((text) => Number(text.slice(0, -1)) * (durationUnits[text.slice(-1)] ?? 1))
  .prefault("10m")
  .meta({ description: "How long `up` waits for a quorum and for new machines.", example: "20m" });
