import type { Allocation, Deployment, Evaluation, Job, Placement, TaskGroup } from "./answers.ts";
import type { Look } from "./look.ts";

/** What one look at a job says. */
export interface Judgement {
  /** "stuck": can't get healthy as things are now, but they may change in the next seconds. */
  state: "healthy" | "waiting" | "stuck" | "failed";
  /** Reads on behind the job's name. */
  says: string;
  /** Whether Nomad itself ends the waiting, at the deployment's progress deadline. */
  isLimited: boolean;
  unplaced: Unplaced[];
  /** For each group the allocation that tells most about what is wrong. */
  ill: Allocation[];
}

/** A task group for which Nomad finds no node. */
export interface Unplaced {
  group: TaskGroup;
  /** Missing if Nomad doesn't say why. */
  reasons?: Placement;
}

/**
 * Judges a job as it was registered with this index; default: as it is registered now.
 * A running deployment decides, then the job's allocations do.
 */
export function judge(look: Look, index = look.job.JobModifyIndex): Judgement {
  const { job } = look;
  if (job.JobModifyIndex !== index) return judgeChanged(look, index);
  if (job.Stop) return failed("was stopped");
  if (job.Periodic) return healthy(schedule(job.Periodic));
  if (job.ParameterizedJob) return healthy("is registered, and runs when it is dispatched");
  if (wantedGroups(job).length === 0) return healthy("is registered with count = 0: nothing is to run");
  const deployment = look.deployments.find(({ JobSpecModifyIndex }) => JobSpecModifyIndex === index);
  if (!deployment || deployment.Status === "successful") return judgeAllocations(look);
  return judgeDeployment(look, deployment);
}

/** Somebody has registered the job since: Nomad itself, which sets a failed job back, or somebody else. */
function judgeChanged(look: Look, index: number): Judgement {
  const deployment = look.deployments.find(({ JobSpecModifyIndex }) => JobSpecModifyIndex === index);
  if (deployment?.Status !== "failed") return failed("has been changed in Nomad since it was registered here");
  return failed(`failed: ${deployment.StatusDescription}`, findIll(look, deployment.JobVersion));
}

function judgeDeployment(look: Look, deployment: Deployment): Judgement {
  const { Status, StatusDescription } = deployment;
  if (Status === "failed" || Status === "cancelled") {
    const now = judgeAllocations(look);
    // What runs without Nomad's word for it may be what the deployment failed for, such as a check.
    return now.state === "healthy" && current(look).every(isHealthy)
      ? now
      : failed(`failed: ${StatusDescription}`, findIll(look));
  }
  const unplaced = findUnplaced(look);
  if (unplaced.length > 0) return stuck("can't be placed", { unplaced });
  if (Status === "paused") return waiting(look, false, `${StatusDescription}: ${progress(look, deployment)}`);
  if (needsPromotion(deployment)) return healthy(`has healthy canaries: nomad deployment promote ${deployment.ID}`);
  return waiting(look, true, progress(look, deployment));
}

/** Whether only a person can go on with it. */
function needsPromotion({ StatusDescription, TaskGroups }: Deployment): boolean {
  if (!StatusDescription.includes("requires manual promotion")) return false;
  return Object.values(TaskGroups ?? {}).every(
    (group) => !group || group.Promoted || group.HealthyAllocs >= group.DesiredCanaries,
  );
}

function judgeAllocations(look: Look): Judgement {
  const { job } = look;
  const groups = wantedGroups(job);
  const allocations = current(look);
  if (allocations.length === 0 && doneEvaluations(look).length === 0) {
    // Nomad forgets the runs of a finished job after some hours.
    if (job.Type === "batch" && job.Status === "dead") return healthy("has run");
    return waiting(look, false, "isn't placed yet");
  }
  const unplaced = findUnplaced(look);
  if (unplaced.length > 0) return stuck("can't be placed", { unplaced });
  const well = allocations.filter((allocation) => isWell(allocation, look));
  const isComplete = groups.every((group) => wellOf(group, well) >= wantedOf(job, group, allocations));
  if (isComplete) return healthy(`is healthy: ${tally(job, groups, allocations, well)}`);
  if (allocations.some(isLost)) return stuck("failed", { ill: findIll(look) });
  return waiting(look, false, tally(job, groups, allocations, well));
}

const wellOf = ({ Name }: TaskGroup, well: Allocation[]) => well.filter(({ TaskGroup }) => TaskGroup === Name).length;

/** A system job wants as many as Nomad has placed, which is one on each node that may run it. */
function wantedOf(job: Job, { Name, Count }: TaskGroup, allocations: Allocation[]): number {
  return isSystem(job) ? allocations.filter(({ TaskGroup }) => TaskGroup === Name).length : Count;
}

const steadyMs = 10_000;

/** Runs and has proved so; of what isn't a service, Nomad watches no health. */
function isWell({ ClientStatus, DeploymentStatus, TaskStates }: Allocation, { job, at }: Look): boolean {
  if (ClientStatus === "complete") return isBatch(job);
  if (ClientStatus !== "running") return false;
  if (isBatch(job) || DeploymentStatus?.Healthy) return true;
  return Object.values(TaskStates ?? {}).every(
    ({ State, StartedAt }) => State !== "running" || at - Date.parse(StartedAt ?? "") >= steadyMs,
  );
}

/** Failed for good: Nomad won't replace it. */
function isLost({ ClientStatus, NextAllocation, FollowupEvalID }: Allocation): boolean {
  return ClientStatus === "failed" && NextAllocation === "" && FollowupEvalID === "";
}

/** Groups for which Nomad finds no node, or not enough nodes. */
function findUnplaced(look: Look): Unplaced[] {
  const { job } = look;
  const done = doneEvaluations(look);
  const blocked = sinceRegistration(look).filter(({ Status }) => Status === "blocked");
  const reasons = Object.assign({}, ...[...done.slice(-1), ...blocked].map(({ FailedTGAllocs }) => FailedTGAllocs));
  const unplaced = wantedGroups(job).flatMap((group): Unplaced[] =>
    reasons[group.Name] ? [{ group, reasons: reasons[group.Name] }] : [],
  );
  if (!isSystem(job)) return unplaced;
  if (current(look).length === 0 && done.length > 0)
    return wantedGroups(job).map((group) => ({ group, ...(reasons[group.Name] && { reasons: reasons[group.Name] }) }));
  // A group of a system job may be made for some nodes only: a constraint leaves the others out.
  return unplaced.filter(({ reasons }) => reasons && reasons.NodesExhausted > 0);
}

const sinceRegistration = ({ job, evaluations }: Look): Evaluation[] =>
  evaluations.filter(({ CreateIndex }) => CreateIndex >= job.JobModifyIndex);

/** The oldest one first. */
const doneEvaluations = (look: Look): Evaluation[] =>
  sinceRegistration(look)
    .filter(({ Status }) => Status === "complete")
    .sort((a, b) => a.CreateIndex - b.CreateIndex);

/** What is to run of the job as it is registered now. */
const current = ({ job, allocations }: Look, version = job.Version) =>
  allocations.filter(
    ({ JobVersion, DesiredStatus, NextAllocation }) =>
      JobVersion === version && DesiredStatus === "run" && NextAllocation === "",
  );

function findIll(look: Look, version = look.job.Version): Allocation[] {
  const newest = look.allocations
    .filter(({ JobVersion }) => JobVersion === version)
    .sort((a, b) => b.CreateIndex - a.CreateIndex);
  return look.job.TaskGroups.flatMap(({ Name }) => {
    const suspects = newest.filter((one) => one.TaskGroup === Name && !isHealthy(one));
    return suspects.find(hasFailed) ?? suspects[0] ?? [];
  });
}

const isHealthy = ({ ClientStatus, DeploymentStatus }: Allocation) =>
  ClientStatus === "complete" || (ClientStatus === "running" && DeploymentStatus?.Healthy === true);

const hasFailed = ({ TaskStates }: Allocation) =>
  Object.values(TaskStates ?? {}).some(({ Failed, Restarts }) => Failed || Restarts > 0);

const wantedGroups = ({ TaskGroups }: Job) => TaskGroups.filter(({ Count }) => Count > 0);

const isSystem = ({ Type }: Job) => Type === "system" || Type === "sysbatch";

const isBatch = ({ Type }: Job) => Type === "batch" || Type === "sysbatch";

const nothingWrong = { isLimited: false, unplaced: [], ill: [] };

const healthy = (says: string): Judgement => ({ ...nothingWrong, state: "healthy", says });

const failed = (says: string, ill: Allocation[] = []): Judgement => ({ ...nothingWrong, state: "failed", says, ill });

const stuck = (says: string, why: Partial<Judgement>): Judgement => ({ ...nothingWrong, state: "stuck", says, ...why });

/** The progress, and the last thing that happened where it isn't well. */
function waiting(look: Look, isLimited: boolean, progress: string): Judgement {
  const ill = findIll(look);
  const event = ill[0] && lastEvent(ill[0]);
  return { state: "waiting", says: event ? `${progress}; ${event}` : progress, isLimited, unplaced: [], ill };
}

function lastEvent({ NodeName, TaskStates }: Allocation): string | undefined {
  const troubled = Object.entries(TaskStates ?? {}).find(([, { State, Failed }]) => Failed || State !== "running");
  const [name, state] = troubled ?? Object.entries(TaskStates ?? {})[0] ?? [];
  const event = state?.Events?.at(-1);
  return event && `${name} on ${NodeName}: ${event.Type}: ${event.DisplayMessage}`;
}

/** "1 of 2 placed, 1 running, 0 healthy"; with the groups' names if there are several. */
function progress(look: Look, { TaskGroups }: Deployment): string {
  const allocations = current(look);
  const groups = Object.entries(TaskGroups ?? {}).flatMap(([name, group]) => {
    if (!group) return [];
    const running = allocations.filter((one) => one.TaskGroup === name && one.ClientStatus === "running").length;
    const { DesiredTotal, PlacedAllocs, HealthyAllocs } = group;
    return [[name, `${PlacedAllocs} of ${DesiredTotal} placed, ${running} running, ${HealthyAllocs} healthy`] as const];
  });
  return named(groups);
}

function tally(job: Job, groups: TaskGroup[], allocations: Allocation[], well: Allocation[]): string {
  const verb = isBatch(job) ? "running or done" : "running";
  return named(
    groups.map((group) => [group.Name, `${wellOf(group, well)} of ${wantedOf(job, group, allocations)} ${verb}`]),
  );
}

function named(groups: (readonly [name: string, text: string])[]): string {
  if (groups.length === 1) return groups[0]?.[1] ?? "";
  return groups.map(([name, text]) => `${name}: ${text}`).join(", ");
}

function schedule({ Enabled, Spec, Specs, TimeZone }: NonNullable<Job["Periodic"]>): string {
  if (!Enabled) return "is registered, and disabled (periodic { enabled = false })";
  const times = [...(Specs ?? []), Spec].filter(Boolean).map((spec) => `"${spec}"`);
  return `is registered, and starts at ${times.join(" and ")} (${TimeZone})`;
}
