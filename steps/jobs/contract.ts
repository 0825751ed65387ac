import { z } from "zod";
import { accessSchema } from "../agents.ts";
import { defineContract } from "../contract.ts";

const registeredJob = z.object({
  /** Base URLs of Nomad's servers, without a trailing slash; whichever answers is asked. */
  servers: z.array(z.url()).min(1),
  /** Missing in stacks of earlier versions, whose agents let everybody in. */
  access: accessSchema.optional(),
  /** The job's name in Nomad. */
  job: z.string(),
  namespace: z.string(),
  /** Nomad's index of the registration, which is another one whenever the job was registered with a change. */
  modifyIndex: z.string().regex(/^\d+$/),
});

const jobSecrets = registeredJob.omit({ modifyIndex: true }).extend({
  /** The items of the job's variable. */
  items: z.record(z.string(), z.string()),
});

/** Waits for a job that has been registered, and keeps its secrets. */
export const jobsStep = defineContract({
  program: "jobs",
  verbs: {
    "keep-secrets": { input: jobSecrets },
    "drop-secrets": { input: jobSecrets },
    await: {
      input: registeredJob,
      /** One sentence, such as "page is healthy: 1 of 1 running". */
      answer: z.object({ health: z.string() }),
    },
  },
});

/** A job, and what only its own tasks may read. */
export type JobSecrets = z.output<typeof jobSecrets>;

/** What the step reads. */
export type RegisteredJob = z.output<typeof registeredJob>;
