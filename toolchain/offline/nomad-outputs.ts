import type { NomadJob } from "./nomad-api.ts";
import type { Properties } from "./values.ts";

/** What Nomad says of the job, under the official names. */
export function jobOutputs(job: NomadJob): Properties {
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
    updateStrategies: [],
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
    // Not filled in here, but the official plugin would take a state without them for changed.
    constraints: [],
    periodicConfigs: [],
    readAllocationIds: false,
    updateStrategies: [],
    // Not marked as secret though `meta` may hold a variable's value: the program asks for that, as the official plugin needs it.
    taskGroups: groups,
  };
}
