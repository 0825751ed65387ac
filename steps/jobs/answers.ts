import { z } from "zod";

/** Text of others, made safe to show: on one line, without control characters, not too long. */
export function oneLine(text: string, longest = 300): string {
  const clean = text.replace(/[\s\p{C}]+/gu, " ").trim();
  return clean.length > longest ? `${clean.slice(0, longest)}…` : clean;
}

const shown = z.string().transform((text) => oneLine(text));

const counts = z
  .record(z.string(), z.int())
  .nullish()
  .transform((value) => value ?? {});

const driversAnswer = z.record(z.string(), z.object({ Detected: z.boolean(), Healthy: z.boolean() })).nullable();

/** Nomad's clients. */
export const nodesAnswer = z.array(
  z.object({
    Name: shown,
    Datacenter: shown,
    NodePool: shown,
    /** "initializing", "ready", "down" or "disconnected". */
    Status: shown,
    SchedulingEligibility: shown,
    Drivers: driversAnswer,
  }),
);

const task = z.object({
  Name: shown,
  Driver: shown,
  Resources: z.object({ CPU: z.int(), MemoryMB: z.int() }).nullable(),
});

/** A job as it is registered. */
export const jobAnswer = z.object({
  ID: shown,
  Namespace: shown,
  /** "service", "batch", "system" or "sysbatch". */
  Type: shown,
  /** "pending", "running" or "dead": says nothing about health. */
  Status: shown,
  Stop: z.boolean(),
  Version: z.int(),
  /** Rises with each change of what was registered. */
  JobModifyIndex: z.int(),
  Datacenters: z.array(shown).nullable(),
  NodePool: shown,
  Periodic: z
    .object({ Enabled: z.boolean(), Spec: shown, Specs: z.array(shown).nullish(), TimeZone: shown })
    .nullable(),
  ParameterizedJob: z.looseObject({}).nullable(),
  TaskGroups: z.array(
    z.object({
      Name: shown,
      Count: z.int(),
      Tasks: z.array(task),
      Volumes: z.record(z.string(), z.object({ Source: shown })).nullish(),
    }),
  ),
});

/** Why no node was found for a task group. */
const placement = z.object({
  NodesEvaluated: z.int(),
  /** What filtered nodes, such as "missing drivers", and how many. */
  ConstraintFiltered: counts,
  NodesExhausted: z.int(),
  /** Which resource is used up, such as "memory", and on how many nodes. */
  DimensionExhausted: counts,
});

/** The scheduler's evaluations. Nomad lists by the beginning of a name, so some are of other jobs. */
export const evaluationsAnswer = z.array(
  z.object({
    JobID: shown,
    Namespace: shown,
    /** "blocked", "pending", "complete", "failed" or "canceled". */
    Status: shown,
    CreateIndex: z.int(),
    FailedTGAllocs: z
      .record(z.string(), placement)
      .nullish()
      .transform((value) => value ?? {}),
  }),
);

export const deploymentsAnswer = z
  .array(
    z.object({
      ID: shown,
      JobID: shown,
      Namespace: shown,
      JobVersion: z.int(),
      /** The JobModifyIndex of what it deploys. */
      JobSpecModifyIndex: z.int(),
      Status: shown,
      StatusDescription: shown,
      TaskGroups: z
        .record(
          z.string(),
          z
            .object({
              DesiredTotal: z.int(),
              PlacedAllocs: z.int(),
              HealthyAllocs: z.int(),
              DesiredCanaries: z.int(),
              Promoted: z.boolean(),
            })
            .nullable(),
        )
        .nullable(),
    }),
  )
  .nullable();

const taskState = z.object({
  /** "pending", "running" or "dead". */
  State: shown,
  Failed: z.boolean(),
  Restarts: z.int(),
  /** In ISO 8601. */
  StartedAt: z.string().nullable(),
  Events: z.array(z.object({ Type: shown, DisplayMessage: shown })).nullable(),
});

export const allocationsAnswer = z
  .array(
    z.object({
      ID: z.string().regex(/^[0-9a-f-]+$/),
      JobID: shown,
      Namespace: shown,
      JobVersion: z.int(),
      TaskGroup: shown,
      NodeName: shown,
      CreateIndex: z.int(),
      /** "pending", "running", "complete", "failed", "lost" or "unknown". */
      ClientStatus: shown,
      /** "run", "stop" or "evict". */
      DesiredStatus: shown,
      DeploymentStatus: z.object({ Healthy: z.boolean().nullable() }).nullable(),
      /** What replaces it; "" if nothing does. */
      NextAllocation: z.string(),
      /** What will replace it later; "" if nothing will. */
      FollowupEvalID: z.string(),
      TaskStates: z.record(z.string(), taskState).nullable(),
    }),
  )
  .nullable();

export type Job = z.output<typeof jobAnswer>;
export type TaskGroup = Job["TaskGroups"][number];
export type Placement = z.output<typeof placement>;
export type Evaluation = z.output<typeof evaluationsAnswer>[number];
export type Deployment = NonNullable<z.output<typeof deploymentsAnswer>>[number];
export type Allocation = NonNullable<z.output<typeof allocationsAnswer>>[number];
export type TaskState = z.output<typeof taskState>;
export type Node = z.output<typeof nodesAnswer>[number];
