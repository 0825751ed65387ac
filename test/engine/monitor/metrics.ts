import type { Monitor } from "./monitor.ts";

export const jobs = ["node-exporter", "consul-servers", "nomad-servers"] as const;
export const servers = ["pi1", "pi2", "pi3"] as const;

const GiB = 2 ** 30;

/** What the exporter of a machine that is well tells, two days after its start. */
const ofMachine = () => `node_cpu_seconds_total{cpu="0",mode="idle"} ${0.75 * (Date.now() / 1000)}
node_memory_MemTotal_bytes ${GiB}
node_memory_MemAvailable_bytes ${GiB / 2}
node_filesystem_avail_bytes{mountpoint="/data",fstype="ext4"} ${20 * GiB}
node_filesystem_size_bytes{mountpoint="/data",fstype="ext4"} ${25 * GiB}
node_filesystem_readonly{mountpoint="/data",fstype="ext4"} 0
node_thermal_zone_temp{type="cpu-thermal",zone="0"} 51.2
node_timex_sync_status 1
node_time_seconds ${Date.now() / 1000}
node_boot_time_seconds ${Date.now() / 1000 - 2 * 86_400}
`;

const ofConsul = (isLeader: boolean, canLose?: number) => `consul_server_isLeader ${Number(isLeader)}
consul_raft_applied_index ${Date.now()}
${canLose === undefined ? "" : `consul_autopilot_failure_tolerance ${canLose}\n`}`;

const summary = (labels: string, counts: Record<string, number>) =>
  ["complete", "failed", "queued", "running", "starting"]
    .map((what) => `nomad_nomad_job_summary_${what}{${labels}} ${counts[what] ?? 0}\n`)
    .join("");

const lastRun = Date.UTC(2026, 10, 28, 3) / 1000;

const ofNomad = (canLose: number, running: number) =>
  `nomad_nomad_autopilot_healthy 1
nomad_nomad_autopilot_failure_tolerance ${canLose}
${summary('job="page",task_group="web"', { running, queued: 1 - running })}${summary('job="tea&cake",task_group="web"', { running: 1 })}${summary('job="night",task_group="g"', {})}${[
  lastRun - 86_400,
  lastRun,
]
  .map((due) =>
    summary(`job="night/periodic-${due}",parent_id="night",periodic_id="${due}",task_group="g"`, { complete: 1 }),
  )
  .join("")}`;

/** A home of three servers of which these answer; the first of them leads, if there is a quorum. */
export function tell(monitor: Monitor, answering: readonly string[]): void {
  const canLose = answering.length - 2;
  const leader = canLose < 0 ? undefined : answering[0];
  for (const machine of servers) {
    const answers = answering.includes(machine);
    const leads = machine === leader;
    monitor.say("node-exporter", machine, answers ? ofMachine() : undefined);
    monitor.say("consul-servers", machine, answers ? ofConsul(leads, leads ? canLose : undefined) : undefined);
    monitor.say("nomad-servers", machine, answers ? (leads ? ofNomad(canLose, canLose > 0 ? 1 : 0) : "") : undefined);
  }
}
