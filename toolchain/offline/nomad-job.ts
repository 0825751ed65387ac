import { JobspecFault, Nomad, type NomadJob } from "./nomad-api.ts";
import { jobOutputs } from "./nomad-outputs.ts";
import {
  type Checked,
  type Context,
  type Diff,
  doesNot,
  messageOf,
  PartialFailure,
  type Resource,
  refuseOthers,
  type Stored,
} from "./provider.ts";
import {
  canonical,
  changedProperties,
  containsUnknown,
  isObject,
  type Properties,
  reveal,
  revealAll,
  type Value,
  withSecrecyOf,
} from "./values.ts";

const subject = "nomad.Job";
const inputNames = ["jobspec", "hcl2", "deregisterOnDestroy", "purgeOnDestroy", "rerunIfDead"];

/** Inputs of the official plugin that must keep their defaults here. */
const fixed = {
  deregisterOnIdChange: true,
  detach: true,
  json: false,
  policyOverride: false,
  preserveCounts: false,
  readAllocationIds: false,
};
const defaults = { ...fixed, deregisterOnDestroy: true, purgeOnDestroy: false, rerunIfDead: false };

/** `nomad:index/job:Job`: a job from an HCL file. */
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
    // The official plugin's mapping of outputs to Terraform's fits only outputs that it wrote itself.
    const { __pulumi_raw_state_delta: _, ...kept } = outputs;
    return job && { id, inputs, outputs: { ...kept, ...jobOutputs(job) } };
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
  if (inputs.jobspec == null)
    faults.push({ property: "jobspec", reason: "must be set: `jobspec` is the text of the job file" });
  const hcl2 = reveal(inputs.hcl2 ?? null);
  if (isObject(hcl2)) {
    faults.push(...refuseOthers(`${subject}.hcl2`, hcl2, ["vars", "allowFs"]));
    if (hcl2.allowFs === true) faults.push({ property: "hcl2.allowFs", reason: doesNot(subject, "allowFs: true") });
  }
  return { inputs: withDefaults(inputs), faults };
}

/** With the defaults that the official plugin fills in. */
function withDefaults(inputs: Properties): Properties {
  const { deregisterOnDestroy, deregisterOnIdChange, detach, preserveCounts, rerunIfDead } = defaults;
  const hcl2 = reveal(inputs.hcl2 ?? null);
  return {
    ...{ deregisterOnDestroy, deregisterOnIdChange, detach, preserveCounts, rerunIfDead },
    ...inputs,
    ...(isObject(hcl2) && { hcl2: withSecrecyOf(inputs.hcl2, { allowFs: false, ...hcl2 }) }),
  };
}

/** Job files with the same meaning are equal. If Nomad doesn't answer, any change of the text counts. */
async function diff({ inputs, outputs, id }: Stored, news: Properties, context: Context): Promise<Diff> {
  const before = applied(inputs, outputs);
  const changed = new Set(changedProperties({ ...defaults, ...before }, { ...defaults, ...news }));
  if (news.rerunIfDead === true && outputs.status === "dead") changed.add("status");
  if (!changed.has("jobspec") && !changed.has("hcl2")) return { changed: [...changed], replaced: [] };
  const nomad = new Nomad(context.settings);
  const job = await parseIfReachable(nomad, news, context);
  if (!job) return { changed: [...changed], replaced: [] };
  if (changed.has("jobspec")) {
    const same = { ...news, jobspec: before.jobspec ?? "" };
    const old = await parse(nomad, same, context).catch(() => undefined);
    if (old && canonical(old as unknown as Value) === canonical(job as unknown as Value)) changed.delete("jobspec");
  }
  if (job.ID === id && (job.Namespace ?? "default") === namespaceOf(outputs)) {
    if (changed.has("jobspec")) await requireSameIndex(nomad, job, outputs, context);
    return { changed: [...changed], replaced: [] };
  }
  const moved = job.ID === id ? "namespace" : "name";
  return { changed: [...changed, moved], replaced: [moved] };
}

/**
 * The inputs that were applied last. After a failed update only the outputs have them, and the official plugin compares
 * with those. Only the inputs reliably say what is secret.
 */
function applied(inputs: Properties, outputs: Properties): Properties {
  const names = [...inputNames, ...Object.keys(fixed)].filter((name) => name in outputs);
  const values = names.map((name) => [name, withSecrecyOf(inputs[name], reveal(outputs[name] ?? null))]);
  return withDefaults({ ...inputs, ...Object.fromEntries(values) });
}

/** Like the official plugin, refuses a new file for a job that has changed since the last refresh, if Nomad can plan it. */
async function requireSameIndex(nomad: Nomad, job: NomadJob, outputs: Properties, { signal }: Context): Promise<void> {
  const index = await nomad.plannedIndex(job, signal).catch(() => undefined);
  if (index !== undefined && String(index) !== outputs.modifyIndex)
    throw new Error("job modify index has changed since last refresh");
}

/** The parsed job; undefined if a value isn't known yet or Nomad doesn't answer. @throws JobspecFault */
async function parseIfReachable(nomad: Nomad, inputs: Properties, context: Context): Promise<NomadJob | undefined> {
  if (containsUnknown(inputs)) return undefined;
  try {
    return await parse(nomad, inputs, context);
  } catch (error) {
    if (error instanceof JobspecFault) throw error;
    return undefined;
  }
}

async function parse(nomad: Nomad, inputs: Properties, { signal }: Context): Promise<NomadJob> {
  const { jobspec, hcl2 } = revealAll(inputs) as { jobspec: string; hcl2?: { vars?: Record<string, string> } };
  try {
    return await nomad.parse(jobspec, hcl2?.vars ?? {}, signal);
  } catch (error) {
    throw error instanceof JobspecFault ? error : withPrefix("error applying jobspec", error);
  }
}

/** Registers a job without waiting for its deployment. Returns the outputs that Nomad then reports. */
async function register(nomad: Nomad, job: NomadJob, inputs: Properties, context: Context): Promise<Properties> {
  const registered = await prefixed("error applying jobspec", () => nomad.register(job, context.signal));
  try {
    const now = await nomad.job(job.ID, job.Namespace ?? "default", context.signal);
    return { ...inputs, ...jobOutputs(now ?? job) };
  } catch (error) {
    const known = { ...job, JobModifyIndex: registered.JobModifyIndex };
    const reason = `error checking for job: ${messageOf(error)}`;
    throw new PartialFailure(job.ID, { ...inputs, ...jobOutputs(known) }, reason);
  }
}

function namespaceOf(outputs: Properties): string {
  return String(outputs.namespace ?? "default");
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
