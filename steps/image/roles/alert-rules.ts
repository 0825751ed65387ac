import { X509Certificate } from "node:crypto";
import type { ImageContext, Neighbour } from "../manifest/contribution.ts";
import { heartbeatAlert } from "./alertmanager.ts";

/** What somebody should do something about. */
export interface Alert {
  name: string;
  /** PromQL, which has a result for each machine or job that it is about. */
  when: string;
  /** How long that has to be so. */
  minutes: number;
  /** One sentence; $machine, $agent, $job and $place stand for the result's. */
  says: string;
  /** What helps, whichever machine or job it is. */
  help: string;
  /** The cluster has stopped, or the next fault stops it. */
  isCritical?: boolean;
}

/** Fewer servers can't lose one anyway. */
const leastToLoseOne = 3;

/** The alerts of a stack. */
export function alertsOf({ machines, consulServers, nomadServers, security }: ImageContext): Alert[] {
  const isServer = ({ ip }: Neighbour) => consulServers.includes(ip) || nomadServers.includes(ip);
  return [
    ...goneWithout(machines.filter(isServer)),
    ...ofMachines,
    ...(consulServers.length > 0 ? ofConsul(consulServers.length) : []),
    ...(nomadServers.length > 0 ? [...ofNomad(nomadServers.length), ...ofJobs] : []),
    ...(security ? [certificateEnds(security.ca, security.certificate)] : []),
  ];
}

/** The same as Prometheus' rules. */
export function alertRules(context: ImageContext): object {
  return { groups: [{ name: "piinit", rules: [...alertsOf(context).map(ruleOf), heartbeat] }] };
}

/** Always there, so that its absence tells that the monitor itself is gone. */
const heartbeat = {
  alert: heartbeatAlert,
  expr: "vector(1)",
  labels: { severity: "none" },
  annotations: { summary: "Prometheus and Alertmanager work.", help: "Nothing is to be done." },
};

function ruleOf(alert: Alert): object {
  const { name, when, minutes, help, isCritical } = alert;
  return {
    alert: name,
    expr: when,
    for: `${minutes}m`,
    labels: { severity: isCritical ? "critical" : "warning" },
    annotations: { summary: sentence(alert, "$labels"), help },
  };
}

type Placeholder = "machine" | "agent" | "job" | "place";
/** The label that each stands for. */
const labelOf: Readonly<Record<Placeholder, string>> = {
  machine: "instance",
  agent: "job",
  job: "exported_job",
  place: "mountpoint",
};

/** An alert's sentence, in Go's language of templates. @param labels where the result's labels are: "$labels" */
export const sentence = ({ says }: Alert, labels: string): string =>
  says.replace(/\$(\w+)/g, (_, word: Placeholder) => `{{ ${labels}.${labelOf[word]} }}`);

const isOn = "on (instance) up{job='node-exporter'} == 1";

/** A server takes a vote with it. */
function goneWithout(servers: readonly Neighbour[]): Alert[] {
  const names = servers.map(({ name }) => name).join("|");
  const gone = {
    minutes: 5,
    says: "$machine does not answer.",
    help: "See whether it has power and its network cable or Wi-Fi; `./piinit status` shows what the cluster lacks without it.",
  };
  return [
    { name: "ServerGone", when: `up{job='node-exporter', instance=~'${names}'} == 0`, ...gone, isCritical: true },
    { name: "MachineGone", when: `up{job='node-exporter', instance!~'${names}'} == 0`, ...gone },
  ];
}

const ofMachines: Alert[] = [
  {
    name: "AgentGone",
    when: `up{job=~'consul-.*|nomad-.*'} == 0 and ${isOn}`,
    minutes: 5,
    says: "$machine is on, and its agent ($agent) does not answer.",
    help: "`./piinit status` says what is wrong with it; switching the machine off and on starts all of it anew.",
  },
  {
    name: "DiskFilling",
    when: shareLeft("< 0.1"),
    minutes: 15,
    says: "$machine has less than a tenth of the room at $place left.",
    help: "Find what takes it: `du -x -h -d 2 /data | sort -h` on that machine. Jobs' volumes and Docker's images are in /data, too.",
  },
  {
    name: "DiskFullSoon",
    when: `${shareLeft("< 0.4")} and predict_linear(node_filesystem_avail_bytes[12h], 4 * 86400) < 0`,
    minutes: 60,
    says: "$machine will have no room at $place within four days, if that goes on.",
    help: "Find what grows: `du -x -h -d 2 /data | sort -h` on that machine, now and in an hour.",
  },
  {
    name: "CardFailing",
    when: "node_filesystem_readonly{mountpoint='/data'} == 1 or node_filesystem_device_error{mountpoint='/data'} == 1",
    minutes: 1,
    says: "$machine can't write to its card or disk any more.",
    help: "Take a snapshot (`./piinit snapshot`), then write the machine's image to a new card: `./piinit burn`.",
    isCritical: true,
  },
  {
    name: "UnderVoltage",
    when: "max_over_time(node_hwmon_in_lcrit_alarm_volts[15m]) == 1",
    minutes: 0,
    says: "$machine gets too little voltage, which damages what it writes.",
    help: "Use the power supply that the board's maker sells for it, and a short, thick cable.",
  },
  {
    name: "Hot",
    when: "max by (instance, job) (node_thermal_zone_temp) > 80",
    minutes: 10,
    says: "$machine has more than 80 °C, and becomes slow to stay whole.",
    help: "Give it air or a heat sink.",
  },
  {
    name: "ClockWrong",
    when: "abs(node_time_seconds - timestamp(node_time_seconds)) > 5",
    minutes: 5,
    says: "$machine's clock differs from the monitor's by more than 5 s.",
    help: "Both need an NTP server: from the router's DHCP, or the internet's. `timedatectl timesync-status` on that machine says which it has.",
  },
  {
    name: "ClockAlone",
    when: "node_timex_sync_status == 0",
    minutes: 120,
    says: "$machine has had no time from any NTP server for two hours.",
    help: "Is the internet reachable? A router can give an NTP server by DHCP, too.",
  },
];

/** Of what is written to: the root may be read-only, and full. */
function shareLeft(condition: string): string {
  const kept = "{fstype=~'ext4|vfat|xfs|btrfs'}";
  return `node_filesystem_avail_bytes${kept} / node_filesystem_size_bytes ${condition} and node_filesystem_readonly == 0`;
}

/** Only a leader knows how many may fail; one that has lost its office would go on telling what it was then. */
const ofConsul = (servers: number): Alert[] => [
  {
    name: "ConsulLeaderless",
    when: "max(consul_server_isLeader) == 0 or absent(consul_server_isLeader)",
    minutes: 3,
    says: "Consul has no leader: no key can be changed, and names of services go out of date.",
    help: "More than half of its servers must be on and reach each other: `./piinit status`.",
    isCritical: true,
  },
  {
    name: "ConsulStuck",
    when: "changes(consul_raft_applied_index[30m]) == 0",
    minutes: 15,
    says: "Nothing has reached Consul's server on $machine for half an hour.",
    help: "`./piinit status` says which servers see each other; switching that machine off and on lets it join anew.",
  },
  ...riskOf("Consul", servers, "consul_autopilot_failure_tolerance == 0 and on (instance) consul_server_isLeader == 1"),
];

/** Its leader's gauges end a minute after its office does. */
const ofNomad = (servers: number): Alert[] => [
  {
    name: "NomadLeaderless",
    when: "absent(nomad_nomad_autopilot_healthy)",
    minutes: 3,
    says: "Nomad has no leader: jobs run on, and none is started, moved or run at its time.",
    help: "More than half of its servers must be on and reach each other: `./piinit status`.",
    isCritical: true,
  },
  ...riskOf("Nomad", servers, "max(nomad_nomad_autopilot_failure_tolerance) == 0"),
];

function riskOf(product: string, servers: number, when: string): Alert[] {
  if (servers < leastToLoseOne) return [];
  return [
    {
      name: `${product}AtRisk`,
      when,
      minutes: 5,
      says: `${product} has just enough servers for a quorum: if one more fails, it stops.`,
      help: "Bring back the machine that is missing before you touch another one: `./piinit status` names it.",
      isCritical: true,
    },
  ];
}

/** Jobs that have failed, of which nothing runs, will run or is done. */
const failedFor = (isIt: string) => `(max by (exported_job) (nomad_nomad_job_summary_failed{${isIt}}) > 0)
  unless (max by (exported_job) ({__name__=~'nomad_nomad_job_summary_(running|starting|queued|complete)', ${isIt}}) > 0)`;

/** A run of a periodic job is a job of its own, with a parent. */
const ofJobs: Alert[] = [
  {
    name: "JobWaits",
    when: "max by (exported_job) (nomad_nomad_job_summary_queued) > 0",
    minutes: 10,
    says: "No machine has room for the job $job, or is what it asks for.",
    help: "`./piinit status` has Nomad's reasons; a machine that is off takes its room with it.",
  },
  {
    name: "JobFailed",
    when: failedFor("parent_id=''"),
    minutes: 5,
    says: "The job $job has failed, and Nomad does not try again.",
    help: "`./piinit status` has its last words. With a mended job file, or none the worse, `./piinit up` starts it again.",
  },
  {
    name: "RunFailed",
    when: failedFor("parent_id!=''"),
    minutes: 1,
    says: "A run of a periodic job has failed: $job.",
    help: "`./piinit status` has the job's last run. What it printed is in Nomad's own page: `./piinit ui`.",
  },
];

/** All images of a stack have theirs for the same time, and the authority's own end comes with it. */
function certificateEnds(...certificates: string[]): Alert {
  const ends = certificates.map((pem) => Date.parse(new X509Certificate(pem).validTo) / 1000);
  return {
    name: "CertificateEnds",
    when: `vector(${Math.min(...ends)}) - time() < ${365 * 86_400}`,
    minutes: 60,
    says: "The certificates of this stack's machines end in less than a year, and then no agent talks to another.",
    help: "`./piinit rotate` makes new ones.",
    isCritical: true,
  };
}
