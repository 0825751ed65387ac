import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import * as nomad from "@pulumi/nomad";
import * as pulumi from "@pulumi/pulumi";
import { UserError } from "../lib/errors.ts";
import { projectDir } from "../lib/paths.ts";
import type { Settings } from "./settings.ts";

/** A job's file as it is now, with the values for its HCL2 variables. */
export interface JobSource {
  jobspec: string;
  vars: Record<string, string>;
}

/** Reads the jobs' files, whose paths are relative to the project. Throws a UserError that names each missing one. */
export function readJobs(jobs: Settings["jobs"]): Record<string, JobSource> {
  const missing = Object.entries(jobs).filter(([, { file }]) => !existsSync(path.resolve(projectDir, file)));
  if (missing.length > 0) {
    throw new UserError(
      missing.map(([name, { file }]) => `piinit:jobs.${name}.file  there is no file ${file}`).join("\n"),
    );
  }
  return Object.fromEntries(
    Object.entries(jobs).map(([name, { file, vars }]) => [
      name,
      { jobspec: readFileSync(path.resolve(projectDir, file), "utf8"), vars },
    ]),
  );
}

export interface NomadJobsArgs {
  nomadUrl: pulumi.Input<string>;
  jobs: Record<string, JobSource>;
  /** When it goes, the jobs go with it, and need not be stopped one by one. */
  deletedWith?: pulumi.Resource | undefined;
}

/** Nomad jobs, one resource each; `up` waits until their deployments are healthy. */
export class NomadJobs extends pulumi.ComponentResource {
  constructor(name: string, args: NomadJobsArgs, options?: pulumi.ComponentResourceOptions) {
    super("piinit:NomadJobs", name, {}, options);
    const provider = new nomad.Provider("nomad", { address: args.nomadUrl }, { parent: this });
    for (const [job, { jobspec, vars }] of Object.entries(args.jobs)) {
      new nomad.Job(
        job,
        { jobspec, hcl2: { vars }, detach: false, purgeOnDestroy: true },
        {
          parent: this,
          provider,
          ...(options?.dependsOn && { dependsOn: options.dependsOn }),
          ...(args.deletedWith && { deletedWith: args.deletedWith }),
        },
      );
    }
    this.registerOutputs();
  }
}
