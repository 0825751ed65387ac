import { ask, type HttpAnswer, HttpFailure, type HttpRequest, isObject, readJson } from "./http.ts";
import { undeclared, variableFile } from "./nomad-vars.ts";

/** A job in Nomad's JSON, with the fields used here; all others pass through. */
export interface NomadJob {
  ID: string;
  Namespace: string | null;
  Type: string;
  Region: string;
  Datacenters: string[] | null;
  Status: string;
  StatusDescription: string;
  Stable: boolean;
  Stop: boolean;
  Priority: number;
  AllAtOnce: boolean;
  ParentID: string;
  Version: number;
  CreateIndex: number;
  JobModifyIndex: number;
  TaskGroups: TaskGroup[] | null;
}

export interface TaskGroup {
  Name: string;
  Count: number | null;
  Meta: Record<string, string> | null;
  Tasks: Task[] | null;
  Volumes: Record<string, { Name: string; Type: string; Source: string; ReadOnly: boolean }> | null;
}

export interface Task {
  Name: string;
  Driver: string;
  Meta: Record<string, string> | null;
  VolumeMounts: { Volume: string; Destination: string; ReadOnly: boolean }[] | null;
}

/** An error in a job file, with the official plugin's message. */
export class JobspecFault extends Error {
  override name = "JobspecFault";
}

export interface Registration {
  /** The evaluation's index where the job was like this already. */
  JobModifyIndex: number;
}

const isRegistration = isObject<Registration>(({ JobModifyIndex }) => typeof JobModifyIndex === "number");

/** The rest is Nomad's own, which passes through. */
const isJob = isObject<NomadJob>(({ ID, Type }) => typeof ID === "string" && typeof Type === "string");

/** Nomad's HTTP API, as far as jobs need it. */
export class Nomad {
  readonly #settings: Record<string, string>;

  constructor(settings: Record<string, string>) {
    this.#settings = settings;
  }

  #ask(path: string, request: HttpRequest): Promise<HttpAnswer> {
    const { address = "", secretId, caPem, region } = this.#settings;
    const headers = { "X-Nomad-Token": secretId };
    return ask(address, path, { ...request, headers, ca: caPem, query: { region, ...request.query } });
  }

  /** The job that an HCL text describes. Fails with a JobspecFault that holds Nomad's own words, line and column. */
  async parse(jobspec: string, vars: Record<string, string>, signal: AbortSignal): Promise<NomadJob> {
    const [stranger] = undeclared(jobspec, Object.keys(vars));
    if (stranger) {
      const passed = `A "${stranger}" variable was passed in the command line but was not found in known variables.`;
      throw new JobspecFault(`error parsing jobspec: <nil>: Undefined -var variable; ${passed}`);
    }
    const body = { JobHCL: jobspec, Variables: variableFile(jobspec, vars), Canonicalize: true };
    const answer = await this.#ask("/v1/jobs/parse", { method: "POST", body, signal }).catch((error: unknown) => {
      if (!(error instanceof HttpFailure && error.status === 400)) throw error;
      // The official plugin parses without the agent, which adds these.
      const words = error.text.replace("Failed to parse job: ", "").replaceAll("input.hcl:", ":");
      throw new JobspecFault(`error parsing jobspec: ${words}`);
    });
    return readJson(answer, isJob);
  }

  async register(job: NomadJob, signal: AbortSignal): Promise<Registration> {
    return readJson(await this.#ask("/v1/jobs", { method: "PUT", body: { Job: job }, signal }), isRegistration);
  }

  /** The index of the job's last change, from a plan; 0 if there is no such job. */
  async plannedIndex(job: NomadJob, signal: AbortSignal): Promise<number> {
    const body = { Job: job, Diff: false, PolicyOverride: false };
    const answer = await this.#ask(`${jobPath(job.ID)}/plan`, { method: "POST", body, signal });
    return readJson(answer, isRegistration).JobModifyIndex;
  }

  /** The current job; undefined if there is none of that name. */
  async job(id: string, namespace: string, signal: AbortSignal): Promise<NomadJob | undefined> {
    const found = await missingAllowed(this.#ask(jobPath(id), { query: { namespace }, signal }));
    return found && readJson(found, isJob);
  }

  /** Stops a job. Does nothing if it is already gone. */
  async deregister(id: string, namespace: string, purge: boolean, signal: AbortSignal): Promise<void> {
    const query = { namespace, purge: String(purge) };
    await missingAllowed(this.#ask(jobPath(id), { method: "DELETE", query, signal }));
  }
}

function jobPath(id: string): string {
  return `/v1/job/${encodeURIComponent(id)}`;
}

async function missingAllowed<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof HttpFailure && error.status === 404) return undefined;
    throw error;
  }
}
