import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import * as nomad from "@pulumi/nomad";
import * as pulumi from "@pulumi/pulumi";
import { projectDir } from "../lib/paths.ts";
import { suggestion } from "../lib/words.ts";
import { jobsStep } from "../steps/jobs/contract.ts";
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
  vars: Record<string, pulumi.Input<string>>;
}

/**
 * Reads the jobs' files, whose paths are relative to the project: each job by the name that it has in Nomad.
 * Throws a UserError that names each file that can't be one, and each variable that a file doesn't declare.
 */
export function readJobs(jobs: Settings["jobs"]): Record<string, JobSource> {
  const faults: Fault[] = [];
  const found = new Map<string, JobSource>();
  for (const [key, { file, vars }] of Object.entries(jobs)) {
    const refuse = (reason: string) => faults.push({ path: ["jobs", key, "file"], value: file, reason });
    const text = readText(file);
    if ("problem" in text) {
      refuse(text.problem);
      continue;
    }
    const { name, fileFunctions } = readJobspec(text.jobspec);
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
    else found.set(name, { key, jobspec: text.jobspec, vars: keepSecrets("jobs", vars) });
  }
  if (faults.length > 0) throw faultsError("The jobs' files can't be used:", faults, secretSettings());
  return Object.fromEntries(found);
}

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
    super("piinit:NomadJobs", name, {}, options);
    if (Object.keys(args.jobs).length > 0) this.createJobs(args, options);
    this.registerOutputs();
  }

  private createJobs(args: NomadJobsArgs, options?: pulumi.ComponentResourceOptions): void {
    // The settings are valid: if there are jobs, there is a Nomad server.
    const address = pulumi.output(args.nomadUrl) as pulumi.Output<string>;
    const provider = new nomad.Provider("nomad", { address }, { parent: this });
    const deletion = args.isDisposable ? { deletedWith: this } : {};
    for (const [job, { key, jobspec, vars }] of Object.entries(args.jobs)) {
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
          ...(options?.dependsOn && { dependsOn: options.dependsOn }),
          ...deletion,
        },
      );
      const registered = pulumi
        .all([args.servers, name, namespace, modifyIndex])
        .apply(([servers, name, namespace, modifyIndex]) => ({ servers, job: name, namespace, modifyIndex }));
      new Step(`job-${job}`, jobsStep, { create: "await", input: registered }, { parent: this, ...deletion });
    }
  }
}
