import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import * as nomad from "@pulumi/nomad";
import * as pulumi from "@pulumi/pulumi";
import { UserError } from "../lib/errors.ts";
import { projectDir } from "../lib/paths.ts";
import { undeclared } from "../toolchain/offline/nomad-vars.ts";
import { keepSecrets } from "./config.ts";
import type { Settings } from "./settings.ts";

/** A job's file as it is now, with the values for its HCL2 variables. */
export interface JobSource {
  jobspec: string;
  vars: Record<string, pulumi.Input<string>>;
}

/**
 * Reads the jobs' files, whose paths are relative to the project.
 * Throws a UserError that names each file that is missing, and each variable that a file doesn't declare.
 */
export function readJobs(jobs: Settings["jobs"]): Record<string, JobSource> {
  const faults: string[] = [];
  const read = Object.entries(jobs).map(([name, { file, vars }]): [string, JobSource] => {
    const absolute = path.resolve(projectDir, file);
    if (!existsSync(absolute)) {
      faults.push(`piinit:jobs.${name}.file  there is no file ${file}`);
      return [name, { jobspec: "", vars: {} }];
    }
    const jobspec = readFileSync(absolute, "utf8");
    const strangers = undeclared(jobspec, Object.keys(vars));
    faults.push(
      ...strangers.map((stranger) => `piinit:jobs.${name}.vars.${stranger}  ${file} declares no variable ${stranger}`),
    );
    return [name, { jobspec, vars: keepSecrets("jobs", vars) }];
  });
  if (faults.length > 0) throw new UserError(faults.join("\n"));
  return Object.fromEntries(read);
}

export interface NomadJobsArgs {
  /** Missing where the stack has no Nomad server. */
  nomadUrl: pulumi.Input<string | undefined>;
  jobs: Record<string, JobSource>;
  /** The machines go away with the stack, so the jobs need not be stopped one by one. */
  isDisposable: boolean;
}

/** Nomad jobs, one resource each; `up` waits until their deployments are healthy. Without jobs, nobody is asked. */
export class NomadJobs extends pulumi.ComponentResource {
  constructor(name: string, args: NomadJobsArgs, options?: pulumi.ComponentResourceOptions) {
    super("piinit:NomadJobs", name, {}, options);
    if (Object.keys(args.jobs).length > 0) this.createJobs(args, options);
    this.registerOutputs();
  }

  private createJobs(args: NomadJobsArgs, options?: pulumi.ComponentResourceOptions): void {
    // The settings were checked: where there are jobs, there is a Nomad server.
    const address = pulumi.output(args.nomadUrl) as pulumi.Output<string>;
    const provider = new nomad.Provider("nomad", { address }, { parent: this });
    for (const [job, { jobspec, vars }] of Object.entries(args.jobs)) {
      new nomad.Job(
        job,
        { jobspec, hcl2: { vars }, detach: false, purgeOnDestroy: true },
        {
          parent: this,
          provider,
          // Nomad answers with the `meta` of groups and tasks, in which a variable's secret value may be.
          additionalSecretOutputs: ["taskGroups"],
          ...(options?.dependsOn && { dependsOn: options.dependsOn }),
          ...(args.isDisposable && { deletedWith: this }),
        },
      );
    }
  }
}
