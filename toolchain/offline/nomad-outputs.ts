import type { NomadJob } from "./nomad-api.ts";
import type { Properties } from "./values.ts";

/** A job as outputs, with the official plugin's names. */
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
    // Always empty here, but without them the official plugin would see a change.
    constraints: [],
    periodicConfigs: [],
    readAllocationIds: false,
    updateStrategies: [],
    // `meta` may hold a secret variable's value. As with the official plugin, the program marks it as secret.
    taskGroups: groups,
  };
}
