import * as pulumi from "@pulumi/pulumi";

/** A connection to a Nomad cluster. */
export declare class Provider extends pulumi.ProviderResource {
  static isInstance(value: unknown): value is Provider;
  readonly address: pulumi.Output<string | undefined>;
  readonly caFile: pulumi.Output<string | undefined>;
  readonly caPem: pulumi.Output<string | undefined>;
  readonly certFile: pulumi.Output<string | undefined>;
  readonly certPem: pulumi.Output<string | undefined>;
  readonly httpAuth: pulumi.Output<string | undefined>;
  readonly keyFile: pulumi.Output<string | undefined>;
  readonly keyPem: pulumi.Output<string | undefined>;
  readonly region: pulumi.Output<string | undefined>;
  readonly secretId: pulumi.Output<string | undefined>;
  constructor(name: string, args?: ProviderArgs, options?: pulumi.ResourceOptions);
}

export interface ProviderArgs {
  /** URL of the API, e.g. "http://127.0.0.1:4646". Default NOMAD_ADDR of the environment; the stand-in needs it. */
  address?: pulumi.Input<string>;
  authJwt?: pulumi.Input<{ authMethod: pulumi.Input<string>; loginToken: pulumi.Input<string> }>;
  caFile?: pulumi.Input<string>;
  caPem?: pulumi.Input<string>;
  certFile?: pulumi.Input<string>;
  certPem?: pulumi.Input<string>;
  headers?: pulumi.Input<pulumi.Input<{ name: pulumi.Input<string>; value: pulumi.Input<string> }>[]>;
  /** "USER:PASSWORD" for basic authentication. */
  httpAuth?: pulumi.Input<string>;
  ignoreEnvVars?: pulumi.Input<Record<string, pulumi.Input<boolean>>>;
  keyFile?: pulumi.Input<string>;
  keyPem?: pulumi.Input<string>;
  region?: pulumi.Input<string>;
  /** The ACL token. */
  secretId?: pulumi.Input<string>;
  skipVerify?: pulumi.Input<boolean>;
}

/** A Nomad job, described by a text. */
export declare class Job extends pulumi.CustomResource {
  static get(
    name: string,
    id: pulumi.Input<pulumi.ID>,
    state?: Partial<JobArgs>,
    options?: pulumi.CustomResourceOptions,
  ): Job;
  static isInstance(value: unknown): value is Job;
  readonly allAtOnce: pulumi.Output<boolean>;
  readonly allocationIds: pulumi.Output<string[]>;
  readonly constraints: pulumi.Output<JobConstraint[]>;
  readonly createIndex: pulumi.Output<number>;
  readonly datacenters: pulumi.Output<string[]>;
  /** Of the last create or update; empty when the job is detached or of a type without deployments. */
  readonly deploymentId: pulumi.Output<string>;
  readonly deploymentStatus: pulumi.Output<string>;
  readonly deregisterOnDestroy: pulumi.Output<boolean | undefined>;
  readonly deregisterOnIdChange: pulumi.Output<boolean | undefined>;
  readonly detach: pulumi.Output<boolean | undefined>;
  readonly hcl2: pulumi.Output<JobHcl2 | undefined>;
  readonly jobspec: pulumi.Output<string>;
  readonly json: pulumi.Output<boolean | undefined>;
  /** Rises with each change of the job. */
  readonly modifyIndex: pulumi.Output<string>;
  /** The job's id in Nomad. */
  readonly name: pulumi.Output<string>;
  readonly namespace: pulumi.Output<string>;
  readonly parentId: pulumi.Output<string>;
  readonly periodicConfigs: pulumi.Output<JobPeriodicConfig[]>;
  readonly policyOverride: pulumi.Output<boolean | undefined>;
  readonly preserveCounts: pulumi.Output<boolean | undefined>;
  readonly priority: pulumi.Output<number>;
  readonly purgeOnDestroy: pulumi.Output<boolean | undefined>;
  readonly readAllocationIds: pulumi.Output<boolean | undefined>;
  readonly region: pulumi.Output<string>;
  readonly rerunIfDead: pulumi.Output<boolean | undefined>;
  readonly stable: pulumi.Output<boolean>;
  readonly status: pulumi.Output<string>;
  readonly statusDescription: pulumi.Output<string>;
  readonly stop: pulumi.Output<boolean>;
  readonly submitTime: pulumi.Output<string>;
  readonly taskGroups: pulumi.Output<JobTaskGroup[]>;
  readonly type: pulumi.Output<string>;
  readonly updateStrategies: pulumi.Output<JobUpdateStrategy[]>;
  readonly version: pulumi.Output<number>;
  constructor(name: string, args: JobArgs, options?: pulumi.CustomResourceOptions);
}

export interface JobArgs {
  /** The job file's text. */
  jobspec: pulumi.Input<string>;
  /** Stop the job when the resource is deleted. Default true. */
  deregisterOnDestroy?: pulumi.Input<boolean>;
  /** Replace the job when its id changes. Default true. */
  deregisterOnIdChange?: pulumi.Input<boolean>;
  /** Don't wait for the deployment. Default true. */
  detach?: pulumi.Input<boolean>;
  hcl2?: pulumi.Input<JobHcl2Args>;
  /** The text is JSON. Default false. */
  json?: pulumi.Input<boolean>;
  policyOverride?: pulumi.Input<boolean>;
  /** Keep the counts that Nomad has now. Default false. */
  preserveCounts?: pulumi.Input<boolean>;
  /** Leave nothing of a stopped job in Nomad. Default false. */
  purgeOnDestroy?: pulumi.Input<boolean>;
  readAllocationIds?: pulumi.Input<boolean>;
  /** Run a job that is dead again. Default false. */
  rerunIfDead?: pulumi.Input<boolean>;
}

export interface JobHcl2Args {
  /** Let the text read files. Default false. */
  allowFs?: pulumi.Input<boolean>;
  /** Values of the text's variables. */
  vars?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

export interface JobHcl2 {
  allowFs?: boolean;
  vars?: Record<string, string>;
}

export interface JobConstraint {
  ltarget: string;
  operand: string;
  rtarget: string;
}

export interface JobPeriodicConfig {
  enabled: boolean;
  prohibitOverlap: boolean;
  spec: string;
  specType: string;
  timezone: string;
}

export interface JobTaskGroup {
  count: number;
  meta: Record<string, string>;
  name: string;
  tasks: JobTask[];
  updateStrategies: JobUpdateStrategy[];
  volumes: { name: string; readOnly: boolean; source: string; type: string }[];
}

export interface JobTask {
  driver: string;
  meta: Record<string, string>;
  name: string;
  volumeMounts: { destination: string; readOnly: boolean; volume: string }[];
}

export interface JobUpdateStrategy {
  autoRevert: boolean;
  canary: number;
  healthCheck: string;
  healthyDeadline: string;
  maxParallel: number;
  minHealthyTime: string;
  stagger: string;
}
