import { startDeadline } from "../../lib/deadline.ts";
import { HttpFailure } from "./http.ts";
import { type Deployment, Nomad, type NomadJob } from "./nomad-api.ts";
import {
  type Checked,
  type Context,
  type Diff,
  doesNot,
  type Fault,
  PartialFailure,
  type Resource,
  refuseOthers,
  type Stored,
} from "./provider.ts";
import {
  canonical,
  changedProperties,
  containsSecret,
  containsUnknown,
  type Properties,
  reveal,
  revealAll,
  secret,
  type Value,
} from "./values.ts";

const subject = "nomad.Job";
const inputNames = ["jobspec", "hcl2", "detach", "deregisterOnDestroy", "purgeOnDestroy", "rerunIfDead"];

/** Inputs of the official plugin that have to keep their default here. */
const fixed = {
  deregisterOnIdChange: true,
  json: false,
  policyOverride: false,
  preserveCounts: false,
  readAllocationIds: false,
};
const defaults = { ...fixed, detach: true, deregisterOnDestroy: true, purgeOnDestroy: false, rerunIfDead: false };

/** How long a deployment may take when the program's `customTimeouts` don't say. */
const defaultTimeoutSeconds = 300;

/** `nomad:index/job:Job`: a job from an HCL text. */
export const nomadJob: Resource = {
  check,

  diff,

  async create(_name, inputs, context) {
    const nomad = new Nomad(context.settings);
    if (context.preview) {
      await parseIfReachable(nomad, inputs, context);
      return { id: "", outputs: inputs };
    }
    const job = await parse(nomad, inputs, context);
    return { id: job.ID, outputs: await register(nomad, job, inputs, context) };
  },

  async update({ id }, news, context) {
    const nomad = new Nomad(context.settings);
    if (context.preview) return news;
    const job = await parse(nomad, news, context);
    if (job.ID !== id)
      throw new Error(`the job's name has changed from ${id} to ${job.ID}; run again to replace the job`);
    return register(nomad, job, news, context);
  },

  async read({ id, inputs, outputs }, context) {
    const job = await new Nomad(context.settings).job(id, namespaceOf(outputs), context.signal);
    return job && { id, inputs, outputs: { ...outputs, ...jobOutputs(job, inputs) } };
  },

  async delete({ id, outputs }, context) {
    if (outputs.deregisterOnDestroy === false) return;
    const nomad = new Nomad(context.settings);
    await prefixed("error deregistering job", () =>
      nomad.deregister(id, namespaceOf(outputs), outputs.purgeOnDestroy === true, context.signal),
    );
  },
};

function check(inputs: Properties): Checked {
  const faults = refuseOthers(subject, inputs, [...inputNames, ...Object.keys(fixed)]);
  for (const [name, value] of Object.entries(fixed)) {
    if ((inputs[name] ?? value) !== value)
      faults.push({ property: name, reason: doesNot(subject, `${name}: ${!value}`) });
  }
  if (inputs.jobspec == null) faults.push({ property: "jobspec", reason: "a job needs `jobspec`" });
  faults.push(...checkHcl2(inputs));
  const { deregisterOnDestroy, deregisterOnIdChange, detach } = defaults;
  return { inputs: { deregisterOnDestroy, deregisterOnIdChange, detach, ...inputs }, faults };
}

function checkHcl2(inputs: Properties): Fault[] {
  const hcl2 = reveal(inputs.hcl2 ?? {});
  if (typeof hcl2 !== "object" || hcl2 === null || Array.isArray(hcl2)) return [];
  const faults = refuseOthers(`${subject}.hcl2`, hcl2, ["vars", "allowFs"]);
  if (hcl2.allowFs === true) faults.push({ property: "hcl2.allowFs", reason: doesNot(subject, "allowFs: true") });
  const { jobspec } = inputs;
  if (jobspec == null || containsUnknown(jobspec)) return faults;
  const undeclared = Object.keys(hcl2.vars ?? {}).filter((name) => !declares(String(reveal(jobspec)), name));
  const unknownVars = undeclared.map((name) => ({
    property: `hcl2.vars.${name}`,
    reason: `the job file has no \`variable "${name}"\``,
  }));
  return [...faults, ...unknownVars];
}

/** Nomad's own parser would ignore a variable that the job file doesn't declare, and so hide a misspelling. */
function declares(jobspec: string, variable: string): boolean {
  return new RegExp(`^\\s*variable\\s+"?${variable}"?\\s*\\{`, "m").test(jobspec);
}

/** Two job files that mean the same are equal. When Nomad can't be asked, another text counts as a change. */
async function diff({ inputs, outputs, id }: Stored, news: Properties, context: Context): Promise<Diff> {
  const changed = new Set(changedProperties({ ...defaults, ...inputs }, { ...defaults, ...news }));
  if (news.rerunIfDead === true && outputs.status === "dead") changed.add("status");
  if (!changed.has("jobspec") && !changed.has("hcl2")) return { changed: [...changed], replaced: [] };
  const nomad = new Nomad(context.settings);
  const job = await parseIfReachable(nomad, news, context);
  if (!job) return { changed: [...changed], replaced: [] };
  if (changed.has("jobspec")) {
    const before = await parse(nomad, { ...news, jobspec: inputs.jobspec ?? "" }, context).catch(() => undefined);
    if (before && canonical(before as unknown as Value) === canonical(job as unknown as Value))
      changed.delete("jobspec");
  }
  if (job.ID === id && (job.Namespace ?? "default") === namespaceOf(outputs)) {
    return { changed: [...changed], replaced: [] };
  }
  const moved = job.ID === id ? "namespace" : "name";
  return { changed: [...changed, moved], replaced: [moved] };
}

/** The job of a preview; undefined when a value is not known yet or Nomad doesn't answer. A syntax error is an error. */
async function parseIfReachable(nomad: Nomad, inputs: Properties, context: Context): Promise<NomadJob | undefined> {
  if (containsUnknown(inputs)) return undefined;
  try {
    return await parse(nomad, inputs, context);
  } catch (error) {
    if (error instanceof Error && error.cause instanceof HttpFailure && error.cause.status === 400) throw error;
    return undefined;
  }
}

async function parse(nomad: Nomad, inputs: Properties, { signal }: Context): Promise<NomadJob> {
  const { jobspec, hcl2 } = revealAll(inputs) as { jobspec: string; hcl2?: { vars?: Record<string, string> } };
  try {
    return await nomad.parse(jobspec, hcl2?.vars ?? {}, signal);
  } catch (error) {
    const what = error instanceof HttpFailure ? "error parsing jobspec" : "error applying jobspec";
    throw withPrefix(what, error);
  }
}

/** Registers a job and, unless `detach`, waits until it runs. A job that doesn't is kept in the state as a failure. */
async function register(nomad: Nomad, job: NomadJob, inputs: Properties, context: Context): Promise<Properties> {
  const namespace = job.Namespace ?? "default";
  const evaluation = await prefixed("error applying jobspec", () => nomad.register(job, context.signal));
  const outputs = async () => {
    const now = await nomad.job(job.ID, namespace, context.signal).catch(() => undefined);
    return { ...inputs, ...jobOutputs(now ?? job, inputs) };
  };
  if (inputs.detach !== false || evaluation === "") return outputs();
  try {
    const deployment = await awaitDeployed(nomad, evaluation, context);
    return { ...(await outputs()), deploymentId: deployment?.ID ?? "", deploymentStatus: deployment?.Status ?? "" };
  } catch (error) {
    const reason = `error waiting for job '${job.ID}' to schedule/deploy successfully: ${messageOf(error)}`;
    throw new PartialFailure(job.ID, await outputs(), reason);
  }
}

async function awaitDeployed(nomad: Nomad, evaluation: string, context: Context): Promise<Deployment | undefined> {
  const seconds = context.timeoutSeconds ?? defaultTimeoutSeconds;
  const deadline = startDeadline(seconds * 1000, context.signal);
  const { signal } = deadline;
  let seen = "the job is being scheduled";
  const onChange = (state: Deployment) => {
    seen = describe(state);
    context.log(seen);
  };
  try {
    const { DeploymentID } = await nomad.awaitEvaluation(evaluation, signal);
    return DeploymentID ? await nomad.awaitDeployment(DeploymentID, onChange, signal) : undefined;
  } catch (error) {
    const isTimeout = signal.aborted && !context.signal.aborted;
    throw isTimeout ? new Error(`timeout after ${seconds} s: ${seen}`, { cause: error }) : error;
  } finally {
    deadline.end();
  }
}

function describe({ StatusDescription, TaskGroups }: Deployment): string {
  const groups = Object.entries(TaskGroups ?? {}).map(
    ([name, { HealthyAllocs, DesiredTotal }]) => `${name}: ${HealthyAllocs} of ${DesiredTotal} healthy`,
  );
  return [StatusDescription, ...groups].join(", ");
}

function namespaceOf(outputs: Properties): string {
  return String(outputs.namespace ?? "default");
}

/** What Nomad says of the job, under the official names. */
export function jobOutputs(job: NomadJob, inputs: Properties): Properties {
  const groups = (job.TaskGroups ?? []).map((group) => ({
    name: group.Name,
    count: group.Count ?? 1,
    meta: group.Meta ?? {},
    tasks: (group.Tasks ?? []).map((task) => ({
      name: task.Name,
      driver: task.Driver,
      meta: task.Meta ?? {},
      volumeMounts: (task.VolumeMounts ?? []).map((mount) => ({
        volume: mount.Volume,
        destination: mount.Destination,
        readOnly: mount.ReadOnly,
      })),
    })),
    volumes: Object.values(group.Volumes ?? {})
      .map((volume) => ({ name: volume.Name, type: volume.Type, source: volume.Source, readOnly: volume.ReadOnly }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  }));
  return {
    name: job.ID,
    namespace: job.Namespace ?? "default",
    type: job.Type,
    region: job.Region,
    datacenters: job.Datacenters ?? [],
    priority: job.Priority,
    allAtOnce: job.AllAtOnce,
    parentId: job.ParentID,
    status: job.Status,
    statusDescription: job.StatusDescription,
    stable: job.Stable,
    stop: job.Stop,
    version: job.Version ?? 0,
    createIndex: job.CreateIndex ?? 0,
    modifyIndex: String(job.JobModifyIndex ?? 0),
    allocationIds: [],
    // `meta` may hold a variable's value, which may be secret.
    taskGroups: containsSecret(inputs) ? secret(groups) : groups,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function withPrefix(what: string, error: unknown): Error {
  return new Error(`${what}: ${messageOf(error)}`, { cause: error });
}

async function prefixed<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw withPrefix(what, error);
  }
}
