import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import * as nomad from "@pulumi/nomad";
import * as pulumi from "@pulumi/pulumi";
import { projectDir } from "../lib/paths.ts";
import { suggestion } from "../lib/words.ts";
import type { Access } from "../steps/agents.ts";
import { type JobSecrets, jobsStep } from "../steps/jobs/contract.ts";
import { declared, undeclared } from "../toolchain/offline/nomad-vars.ts";
import { keepSecrets, secretSettings } from "./config.ts";
import { type Fault, faultsError } from "./faults.ts";
import { readJobspec } from "./jobspec.ts";
import type { Settings } from "./schema/stack.ts";
import { Step } from "./step.ts";

/** A job's file with the values for its HCL2 variables. */
export interface JobSource {
  /** The name that the settings use. */
  key: string;
  jobspec: string;
  /** What may be wrong with it, for the user. */
  warning?: string;
  vars: Record<string, pulumi.Input<string>>;
  /** The items of its variable in Nomad. */
  secrets?: Record<string, string>;
}

/**
 * Reads the jobs' files, whose paths are relative to the project: each job by the name that it has in Nomad.
 * Throws a UserError that names each file that can't be one, and each variable that a file doesn't declare.
 */
export function readJobs(jobs: Settings["jobs"]): Record<string, JobSource> {
  const faults: Fault[] = [];
  const found = new Map<string, JobSource>();
  for (const [key, { file, vars, secrets }] of Object.entries(jobs)) {
    const refuse = (reason: string) => faults.push({ path: ["jobs", key, "file"], value: file, reason });
    const text = readText(file);
    if ("problem" in text) {
      refuse(text.problem);
      continue;
    }
    const { name, fileFunctions, lacksIdentity } = readJobspec(text.jobspec);
    const other = name === undefined ? undefined : found.get(name);
    for (const stranger of undeclared(text.jobspec, Object.keys(vars)))
      faults.push({
        path: ["jobs", key, "vars", stranger],
        reason: `is unknown: the job's file declares no such variable${suggestion(stranger, declared(text.jobspec))}`,
      });
    for (const call of fileFunctions)
      refuse(`must not call ${call}(): declare a variable, and give its value under vars`);
    if (name === undefined) refuse('must have a job in it, such as: job "page" { … }');
    else if (other) refuse(`must have a job of its own: jobs.${other.key} has the job ${name} too`);
    else {
      const warning = lacksIdentity ? { warning: withoutIdentity(file) } : {};
      found.set(name, { key, jobspec: text.jobspec, ...warning, vars: keepSecrets("jobs", vars), secrets });
    }
  }
  if (faults.length > 0) throw faultsError("The jobs' files can't be used:", faults, secretSettings());
  return Object.fromEntries(found);
}

const withoutIdentity = (file: string) =>
  `${file} seems to use Consul, which tells a task nothing without an identity: put "consul {}" into each task that uses it`;

/** Nomad's default limit for a job's file. */
const largestFile = 2 ** 20;

function readText(file: string): { jobspec: string } | { problem: string } {
  try {
    const whole = path.resolve(projectDir, file);
    const about = statSync(whole);
    if (about.isDirectory()) return { problem: "must be a job's file: it is a folder" };
    if (!about.isFile()) return { problem: "must be an ordinary file" };
    if (about.size > largestFile) return { problem: "must not be larger than 1 MiB" };
    const jobspec = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(whole));
    return jobspec.includes("\0") ? { problem: "must be a text" } : { jobspec };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return { problem: "must be a file: there is none of this name" };
    return {
      problem:
        code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "must be a text" : `must be a file that can be read (${code})`,
    };
  }
}

export interface NomadJobsArgs {
  /** Missing if the stack has no Nomad server. */
  nomadUrl: pulumi.Input<string | undefined>;
  access: pulumi.Output<Access>;
  /** URLs of all of the stack's Nomad servers, one of which may be off while jobs are waited for. */
  servers: pulumi.Input<string[]>;
  /** By the jobs' names in Nomad. */
  jobs: Record<string, JobSource>;
  /** The machines are removed with the stack, so the jobs need not be stopped one by one. */
  isDisposable: boolean;
}

/**
 * Nomad jobs, one resource each with the job's own name: another key in the settings changes nothing. Pulumi's plugin
 * only registers a job; a step of ours waits until it is healthy, and says why if it isn't. Without jobs, nobody is asked.
 */
export class NomadJobs extends pulumi.ComponentResource {
  constructor(name: string, args: NomadJobsArgs, options?: pulumi.ComponentResourceOptions) {
    // What jobs wait for, their provider does not, so its plugin starts meanwhile.
    const { dependsOn, ...others } = options ?? {};
    super("piinit:NomadJobs", name, {}, others);
    if (Object.keys(args.jobs).length > 0) this.createJobs(args, dependsOn);
    this.registerOutputs();
  }

  private createJobs(args: NomadJobsArgs, dependsOn: pulumi.ComponentResourceOptions["dependsOn"]): void {
    // The settings are valid: if there are jobs, there is a Nomad server.
    const address = pulumi.output(args.nomadUrl) as pulumi.Output<string>;
    const { access } = args;
    const provider = new nomad.Provider(
      "nomad",
      { address, secretId: access.nomad, caPem: access.ca },
      { parent: this },
    );
    const deletion = args.isDisposable ? { deletedWith: this } : {};
    for (const [job, { key, jobspec, warning, vars, secrets = {} }] of Object.entries(args.jobs)) {
      if (warning !== undefined) void pulumi.log.warn(warning, this);
      const { name, namespace, modifyIndex } = new nomad.Job(
        job,
        { jobspec, hcl2: { vars }, detach: true, purgeOnDestroy: true },
        {
          parent: this,
          provider,
          // Nomad's answer has the `meta` of groups and tasks, which may contain a variable's secret value.
          additionalSecretOutputs: ["taskGroups"],
          // In stacks of earlier versions, the resource's name is the job's key.
          ...(!Object.hasOwn(args.jobs, key) && { aliases: [{ name: key }] }),
          ...(dependsOn && { dependsOn }),
          ...deletion,
        },
      );
      const known = pulumi
        .all([args.servers, access, name, namespace])
        .apply(([servers, access, job, namespace]) => ({ servers, access, job, namespace }));
      if (Object.keys(secrets).length > 0) this.keepSecrets(job, known, secrets, deletion);
      const registered = pulumi.all([known, modifyIndex]).apply(([known, modifyIndex]) => ({ ...known, modifyIndex }));
      new Step(`job-${job}`, jobsStep, { create: "await", input: registered }, { parent: this, ...deletion });
    }
  }
  /** A task waits for its secrets, so they may come after its job, whose namespace they go to. */
  private keepSecrets(
    job: string,
    known: pulumi.Output<Omit<JobSecrets, "items">>,
    items: Record<string, string>,
    deletion: pulumi.CustomResourceOptions,
  ): void {
    new Step(
      `secrets-${job}`,
      jobsStep,
      { create: "keep-secrets", delete: "drop-secrets", input: known.apply((known) => ({ ...known, items })) },
      { parent: this, ...deletion },
    );
  }
}
