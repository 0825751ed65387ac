import type { Case } from "./alert-case.ts";

const server = (machine: string) => `{job="consul-servers",instance="${machine}"}`;
const summary = (what: string, labels: string) =>
  `nomad_nomad_job_summary_${what}{${labels},instance="pi1",job="nomad-servers"}`;
const page = 'exported_job="page",task_group="web"';
const run = 'exported_job="night/periodic-1",parent_id="night",periodic_id="1",task_group="g"';

export const ofAgents: readonly Case[] = [
  {
    alert: "ConsulLeaderless",
    title: "when no server leads",
    series: {
      [`consul_server_isLeader${server("pi1")}`]: "1 0x20",
      [`consul_server_isLeader${server("pi2")}`]: "0x20",
    },
    minutes: 10,
    fires: [
      {
        labels: { severity: "critical" },
        says: "Consul has no leader: no key can be changed, and names of services go out of date.",
      },
    ],
    not: {
      "when another one leads": {
        [`consul_server_isLeader${server("pi1")}`]: "1 0x20",
        [`consul_server_isLeader${server("pi2")}`]: "0 1x20",
      },
    },
  },
  {
    alert: "ConsulStuck",
    title: "when nothing reaches a server",
    series: {
      [`consul_raft_applied_index${server("pi2")}`]: "100x60",
      [`consul_raft_applied_index${server("pi1")}`]: "100+1x60",
    },
    minutes: 55,
    fires: [
      {
        labels: { job: "consul-servers", instance: "pi2", severity: "warning" },
        says: "Nothing has reached Consul's server on pi2 for half an hour.",
      },
    ],
    not: { "when there is little to do": { [`consul_raft_applied_index${server("pi2")}`]: "100x20 101x20 102x20" } },
  },
  {
    alert: "ConsulAtRisk",
    title: "when the leader says that no server may fail",
    series: {
      [`consul_server_isLeader${server("pi1")}`]: "1x20",
      [`consul_autopilot_failure_tolerance${server("pi1")}`]: "0x20",
    },
    minutes: 15,
    fires: [
      {
        labels: { job: "consul-servers", instance: "pi1", severity: "critical" },
        says: "Consul has just enough servers for a quorum: if one more fails, it stops.",
      },
    ],
    not: {
      "by the word of a former leader": {
        [`consul_server_isLeader${server("pi1")}`]: "1x20",
        [`consul_autopilot_failure_tolerance${server("pi1")}`]: "1x20",
        [`consul_server_isLeader${server("pi2")}`]: "0x20",
        [`consul_autopilot_failure_tolerance${server("pi2")}`]: "0x20",
      },
    },
  },
  {
    alert: "NomadLeaderless",
    title: "when no server has what only a leader has",
    series: { 'nomad_raft_appliedIndex{instance="pi1",job="nomad-servers"}': "1x20" },
    minutes: 10,
    fires: [
      {
        labels: { severity: "critical" },
        says: "Nomad has no leader: jobs run on, and none is started, moved or run at its time.",
      },
    ],
    not: {
      "while one has": { 'nomad_nomad_autopilot_healthy{instance="pi2",job="nomad-servers"}': "0x20" },
    },
  },
  {
    alert: "NomadAtRisk",
    title: "when the leader says that no server may fail",
    series: { 'nomad_nomad_autopilot_failure_tolerance{instance="pi1",job="nomad-servers"}': "0x20" },
    minutes: 15,
    fires: [
      {
        labels: { severity: "critical" },
        says: "Nomad has just enough servers for a quorum: if one more fails, it stops.",
      },
    ],
    not: {
      "when one may": { 'nomad_nomad_autopilot_failure_tolerance{instance="pi1",job="nomad-servers"}': "1x20" },
    },
  },
  {
    alert: "JobWaits",
    title: "when a job has no place for ten minutes",
    series: { [summary("queued", page)]: "1x20" },
    minutes: 15,
    fires: [
      {
        labels: { exported_job: "page", severity: "warning" },
        says: "No machine has room for the job page, or is what it asks for.",
      },
    ],
    not: { "while it moves": { [summary("queued", page)]: "0 0 1 1 1 0x15" } },
  },
  {
    alert: "JobFailed",
    title: "when a job has failed for good",
    series: {
      [summary("failed", page)]: "0 3x20",
      [summary("running", page)]: "1 0x20",
      [summary("complete", page)]: "0x20",
    },
    minutes: 10,
    fires: [
      {
        labels: { exported_job: "page", severity: "warning" },
        says: "The job page has failed, and Nomad does not try again.",
      },
    ],
    not: {
      "when it runs again": { [summary("failed", page)]: "3x20", [summary("running", page)]: "1x20" },
      "for one of a periodic job's runs": { [summary("failed", run)]: "1x20", [summary("running", run)]: "0x20" },
    },
  },
  {
    alert: "RunFailed",
    title: "when a periodic job's run has failed",
    series: { [summary("failed", run)]: "1x20", [summary("complete", run)]: "0x20" },
    minutes: 5,
    fires: [
      {
        labels: { exported_job: "night/periodic-1", severity: "warning" },
        says: "A run of a periodic job has failed: night/periodic-1.",
      },
    ],
    not: {
      "when it was done by another try": { [summary("failed", run)]: "1x20", [summary("complete", run)]: "1x20" },
    },
  },
];
