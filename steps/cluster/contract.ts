import { z } from "zod";
import { accessSchema } from "../agents.ts";
import { defineContract } from "../contract.ts";

const expectedMachine = z.object({
  name: z.string(),
  ip: z.string(),
  mac: z.string(),
  image: z.string(),
  /** Base URLs, without a trailing slash, of the machine's own agents. */
  consulUrl: z.url(),
  nomadUrl: z.string(),
  consulServer: z.boolean(),
  /** Undefined if the machine runs no Nomad. */
  nomad: z.enum(["server", "client", "both"]).optional(),
});

const expectation = z.object({
  datacenter: z.string(),
  machines: z.array(expectedMachine).min(1),
  /** Missing in stacks of earlier versions, whose agents let everybody in. */
  access: accessSchema.optional(),
  /** How long the cluster may take, seconds. */
  deadlineSeconds: z.number().min(0),
  /** What to do with a machine that does not answer; NAME and IMAGE stand for its own. */
  remedy: z.string(),
  /** Digest of what depends on the gate: if it changes, the gate checks again. */
  guards: z.string(),
});

const readyCluster = z.object({
  /** Of a server that is part of the quorum. */
  consulUrl: z.string(),
  /** Missing if no machine runs a Nomad server. */
  nomadUrl: z.string().optional(),
  /**
   * Names of the machines that the gate has seen in the cluster at least once. Missing in states of earlier versions,
   * whose gate waited for all machines.
   */
  seen: z.array(z.string()).optional(),
  /** Names of the machines that were not as the stack expects them. */
  missing: z.array(z.string()).optional(),
});

/** The gate between machines and what runs on them. */
export const clusterStep = defineContract({
  program: "cluster",
  verbs: { wait: { input: expectation, answer: readyCluster, seesLastAnswer: true } },
});

/** A machine as the gate sees it. */
export type ExpectedMachine = z.output<typeof expectedMachine>;

export const isNomadServer = ({ nomad }: ExpectedMachine): boolean => nomad === "server" || nomad === "both";
export const isNomadClient = ({ nomad }: ExpectedMachine): boolean => nomad === "client" || nomad === "both";

/** What the gate reads. */
export type Expectation = z.output<typeof expectation>;

/** The machines of a cluster, and what opens their agents. */
export type Cluster = Pick<Expectation, "machines" | "access">;

/** What the gate answers: the agents that the providers talk to. */
export type ReadyCluster = z.output<typeof readyCluster>;
