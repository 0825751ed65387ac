import type { Case } from "./alert-case.ts";

const exporter = (machine: string) => `{job="node-exporter",instance="${machine}"}`;
const ofExporter = (machine: string, severity = "warning") => ({ job: "node-exporter", instance: machine, severity });
const server = (machine: string) => `{job="consul-servers",instance="${machine}"}`;
const data = `{job="node-exporter",instance="pi1",mountpoint="/data",fstype="ext4"}`;
const ofData = { ...ofExporter("pi1"), mountpoint: "/data", fstype: "ext4" };
const readOnly = `{job="node-exporter",instance="pi1",mountpoint="/",fstype="ext4"}`;

/** The certificates' end, in the place of their own: promtool's time begins in 1970. */
export const certificatesEnd = 366 * 86_400;
const certificatesEndSoon =
  "The certificates of this stack's machines end in less than a year, and then no agent talks to another.";

export const ofMachines: readonly Case[] = [
  {
    alert: "CertificateEnds",
    title: "a year before",
    series: {},
    minutes: 1440 + 90,
    fires: [{ labels: { severity: "critical" }, says: certificatesEndSoon }],
    not: {},
  },
  { alert: "CertificateEnds", title: "before that", series: {}, minutes: 1440 - 1, fires: [], not: {} },
  {
    alert: "ServerGone",
    title: "when a server has not answered for five minutes",
    series: { [`up${exporter("pi1")}`]: "1x20", [`up${exporter("pi2")}`]: "1 0x9" },
    minutes: 8,
    fires: [{ labels: ofExporter("pi2", "critical"), says: "pi2 does not answer." }],
    not: { "for a machine that restarts": { [`up${exporter("pi2")}`]: "1 1 1 0 0 1 1 1" } },
  },
  {
    alert: "MachineGone",
    title: "when another machine has not",
    series: { [`up${exporter("zero")}`]: "1 0x9", [`up${exporter("pi2")}`]: "1 0x9" },
    minutes: 8,
    fires: [{ labels: ofExporter("zero"), says: "zero does not answer." }],
    not: {},
  },
  {
    alert: "Heartbeat",
    title: "whatever happens",
    series: {},
    minutes: 1,
    fires: [{ labels: { severity: "none" }, says: "Prometheus and Alertmanager work." }],
    not: {},
  },
  {
    alert: "AgentGone",
    title: "when an agent does not answer, and its machine does",
    series: { [`up${exporter("pi1")}`]: "1x20", [`up${server("pi1")}`]: "0x20" },
    minutes: 10,
    fires: [
      {
        labels: { job: "consul-servers", instance: "pi1", severity: "warning" },
        says: "pi1 is on, and its agent (consul-servers) does not answer.",
      },
    ],
    not: { "for a machine that is off": { [`up${exporter("pi1")}`]: "0x20", [`up${server("pi1")}`]: "0x20" } },
  },
  {
    alert: "DiskFilling",
    title: "when a tenth of a disk is left",
    series: {
      [`node_filesystem_avail_bytes${data}`]: "5x30",
      [`node_filesystem_size_bytes${data}`]: "100x30",
      [`node_filesystem_readonly${data}`]: "0x30",
    },
    minutes: 20,
    fires: [{ labels: ofData, says: "pi1 has less than a tenth of the room at /data left." }],
    not: {
      "for a root that nobody writes to": {
        [`node_filesystem_avail_bytes${readOnly}`]: "5x30",
        [`node_filesystem_size_bytes${readOnly}`]: "100x30",
        [`node_filesystem_readonly${readOnly}`]: "1x30",
      },
      "with room": {
        [`node_filesystem_avail_bytes${data}`]: "15x30",
        [`node_filesystem_size_bytes${data}`]: "100x30",
        [`node_filesystem_readonly${data}`]: "0x30",
      },
    },
  },
  {
    alert: "DiskFullSoon",
    title: "when a disk fills up within days",
    series: {
      [`node_filesystem_avail_bytes${data}`]: "50000-10x1500",
      [`node_filesystem_size_bytes${data}`]: "100000x1500",
      [`node_filesystem_readonly${data}`]: "0x1500",
    },
    minutes: 1300,
    fires: [{ labels: ofData, says: "pi1 will have no room at /data within four days, if that goes on." }],
    not: {
      "when it is as full as it was": {
        [`node_filesystem_avail_bytes${data}`]: "35000x1500",
        [`node_filesystem_size_bytes${data}`]: "100000x1500",
        [`node_filesystem_readonly${data}`]: "0x1500",
      },
    },
  },
  {
    alert: "CardFailing",
    title: "when the data has become read-only",
    series: { [`node_filesystem_readonly${data}`]: "0 1x9" },
    minutes: 5,
    fires: [
      {
        labels: { ...ofData, severity: "critical" },
        says: "pi1 can't write to its card or disk any more.",
      },
    ],
    not: { "for a root that is meant to be": { [`node_filesystem_readonly${readOnly}`]: "1x10" } },
  },
  {
    alert: "UnderVoltage",
    title: "when a Pi had too little voltage a moment ago",
    series: {
      'node_hwmon_in_lcrit_alarm_volts{job="node-exporter",instance="pi1",chip="rpi",sensor="in0"}': "0 1 0x20",
    },
    minutes: 10,
    fires: [
      {
        labels: { ...ofExporter("pi1"), chip: "rpi", sensor: "in0" },
        says: "pi1 gets too little voltage, which damages what it writes.",
      },
    ],
    not: {
      otherwise: {
        'node_hwmon_in_lcrit_alarm_volts{job="node-exporter",instance="pi1",chip="rpi",sensor="in0"}': "0x20",
      },
    },
  },
  {
    alert: "Hot",
    title: "when a machine has more than 80 °C for ten minutes",
    series: { 'node_thermal_zone_temp{job="node-exporter",instance="pi1",type="cpu-thermal",zone="0"}': "82x20" },
    minutes: 15,
    fires: [{ labels: ofExporter("pi1"), says: "pi1 has more than 80 °C, and becomes slow to stay whole." }],
    not: {
      "for a moment's work": {
        'node_thermal_zone_temp{job="node-exporter",instance="pi1",type="cpu-thermal",zone="0"}': "60 82x5 60x20",
      },
    },
  },
  {
    alert: "ClockWrong",
    title: "when a machine's clock is an hour behind",
    series: { [`node_time_seconds${exporter("pi1")}`]: "-3600+60x20" },
    minutes: 10,
    fires: [{ labels: ofExporter("pi1"), says: "pi1's clock differs from the monitor's by more than 5 s." }],
    not: { "when it is two seconds ahead": { [`node_time_seconds${exporter("pi1")}`]: "2+60x20" } },
  },
  {
    alert: "ClockAlone",
    title: "after two hours without a time server",
    series: { [`node_timex_sync_status${exporter("pi1")}`]: "0x200" },
    minutes: 150,
    fires: [{ labels: ofExporter("pi1"), says: "pi1 has had no time from any NTP server for two hours." }],
    not: { "after an hour": { [`node_timex_sync_status${exporter("pi1")}`]: "1x89 0x200" } },
  },
];
