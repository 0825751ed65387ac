import path from "node:path";
import { clusterPage, type ImageContext, type Neighbour } from "../manifest/contribution.ts";
import { type Alert, alertsOf, sentence } from "./alert-rules.ts";
import { pageFrame } from "./cluster-page-frame.ts";

/** Where Prometheus' console templates are, and the cluster's among them. */
export const pagesFolder = "/etc/prometheus/pages";
export const clusterPageFile = `${pagesFolder}/${path.basename(clusterPage)}`;

/** In UTC; the page shows it in the reader's own time. "2026-11-28 03:00:00 +0000 UTC" is what Prometheus makes of it. */
const time = `{{ define "time" }}<time datetime="{{ slice . 0 10 }}T{{ slice . 11 16 }}Z">{{ slice . 0 16 }} UTC</time>{{ end }}`;

/**
 * The cluster at a glance, as a template that Prometheus fills in for everybody who asks: what is wrong, the quorums, the
 * machines, the jobs. It needs no other program, and nothing from the internet.
 */
export function clusterPageTemplate(context: ImageContext): string {
  const { datacenter, machines, consulServers, nomadServers } = context;
  const sections = [
    wrong(alertsOf(context)),
    ...(consulServers.length > 0 || nomadServers.length > 0
      ? [section("Quorum", [...quorumOfConsul(consulServers.length), ...quorumOfNomad(nomadServers.length)].join("\n"))]
      : []),
    section("Machines", table(machineColumns, machines.map(machineRow).join("\n"))),
    ...(nomadServers.length > 0 ? [section("Jobs", table(jobColumns, jobRows))] : []),
  ];
  return time + pageFrame(datacenter, sections.join("\n"));
}

const section = (title: string, content: string) => `<section>\n<h2>${title}</h2>\n${content}\n</section>`;

/** Every alert that has come, as its message says it. */
function wrong(alerts: readonly Alert[]): string {
  const isFiring = "ALERTS{alertstate='firing', severity!='none'}";
  const items = alerts.map(
    (alert) => `{{ range query "ALERTS{alertname='${alert.name}', alertstate='firing'}" -}}
<li class="${alert.isCritical ? "critical" : "warning"}"><strong>${sentence(alert, ".Labels")}</strong> ${inCode(alert.help)}</li>
{{ end -}}`,
  );
  return `{{ with query "count(${isFiring})" -}}
<section>
<h2>{{ with first . }}{{ if eq (value .) 1.0 }}One thing needs you{{ else }}{{ value . }} things need you{{ end }}{{ end }}</h2>
<ul class="wrong">
${items.join("\n")}
</ul>
</section>
{{ else }}<p class="well">All is well.</p>
{{ end }}`;
}

const inCode = (text: string) => text.replace(/`([^`]+)`/g, "<code>$1</code>");

const here = (job: string) => `count(up{job='${job}'} == 1) or vector(0)`;

/** "2 of 3 servers, can lose none, led by pi1". */
function quorum(product: string, job: string, servers: number, leader: string, tolerance: string): string[] {
  if (servers === 0) return [];
  return [
    `<p><strong>${product}</strong>: {{ with query "${here(job)}" }}{{ first . | value }}{{ end }} of ${servers} servers answer
{{- with query "${leader}" }}, led by {{ first . | label "instance" }}{{ with query "${tolerance}" }}; it can lose {{ with first . }}{{ if eq (value .) 0.0 }}none{{ else }}{{ value . }}{{ end }}{{ end }}{{ end }}.
{{- else }}, <strong class="critical">and none leads</strong>.{{ end }}</p>`,
  ];
}

const quorumOfConsul = (servers: number) =>
  quorum(
    "Consul",
    "consul-servers",
    servers,
    "consul_server_isLeader == 1",
    "consul_autopilot_failure_tolerance and on (instance) consul_server_isLeader == 1",
  );

const quorumOfNomad = (servers: number) =>
  quorum("Nomad", "nomad-servers", servers, "nomad_nomad_autopilot_healthy", "nomad_nomad_autopilot_failure_tolerance");

/** With its roles, because a narrow page shows rows as blocks, and readers would take it for no table then. */
const table = (columns: readonly string[], rows: string) => `<table role="table">
<thead role="rowgroup"><tr role="row">${columns.map((name) => `<th role="columnheader" scope="col">${name}</th>`).join("")}</tr></thead>
<tbody role="rowgroup">
${rows}
</tbody>
</table>`;

const percent = 'printf "%.0f %%"';
const machineColumns = ["Name", "State", "CPU", "Memory", "Data free", "Temperature", "On for"];

/** What one query says of a machine, in words; a dash when nobody knows. */
const cell = (column: string, query: string, format: string) =>
  `<td role="cell" data-column="${column}">{{ with query "${query}" }}{{ with first . }}{{ value . | ${format} }}{{ end }}{{ else }}–{{ end }}</td>`;

function machineRow({ name, roles }: Neighbour): string {
  const of = `instance='${name}'`;
  const isMeasured = roles.includes("node-exporter");
  const state = isMeasured
    ? `{{ with query "up{job='node-exporter', ${of}} == 1" }}on{{ else }}<strong class="critical">does not answer</strong>{{ end }}`
    : "not measured";
  const isOn = `on (instance) up{job='node-exporter', ${of}} == 1`;
  const data = `{${of}, mountpoint='/data'}`;
  return `<tr role="row"><th role="rowheader" scope="row">${name}</th><td role="cell" data-column="State">${state}</td>${[
    cell(
      "CPU",
      `100 - 100 * avg by (instance) (rate(node_cpu_seconds_total{${of}, mode='idle'}[2m])) and ${isOn}`,
      percent,
    ),
    cell("Memory", `100 - 100 * node_memory_MemAvailable_bytes{${of}} / node_memory_MemTotal_bytes{${of}}`, percent),
    cell("Data free", `100 * node_filesystem_avail_bytes${data} / node_filesystem_size_bytes${data}`, percent),
    cell("Temperature", `max(node_thermal_zone_temp{${of}})`, 'printf "%.0f °C"'),
    cell("On for", `node_time_seconds{${of}} - node_boot_time_seconds{${of}}`, "humanizeDuration"),
  ].join("")}</tr>`;
}

const jobColumns = ["Name", "State", "Last run"];

const summaryOf = (what: string) => `max by (exported_job) (nomad_nomad_job_summary_${what}{parent_id=''})`;

/** A run of a periodic job is a job of its own, by the second at which it was due. Nomad forgets it after hours, and Prometheus doesn't. */
const jobRows = `{{ range query "sort_desc(${summaryOf("running")})" | sortByLabel "exported_job" -}}
{{ $job := .Labels.exported_job -}}
{{ $last := "" -}}
{{ range query (printf "max by (periodic_id) (last_over_time(nomad_nomad_job_summary_complete{parent_id='%s'}[8d]))" $job) | sortByLabel "periodic_id" }}{{ $last = .Labels.periodic_id }}{{ end -}}
<tr role="row"><th role="rowheader" scope="row">{{ $job }}</th><td role="cell" data-column="State">
{{- if ne $last "" }}runs now and then
{{- else if gt (value .) 0.0 }}{{ value . }} running
{{- else if query (printf "nomad_nomad_job_summary_queued{parent_id='', exported_job='%s'} > 0" $job) }}<strong class="warning">waits for a machine</strong>
{{- else }}<strong class="warning">does not run</strong>{{ end }}</td><td role="cell" data-column="Last run">{{ if ne $last "" }}{{ template "time" humanizeTimestamp $last }}{{ else }}–{{ end }}</td></tr>
{{ else }}<tr><td colspan="${jobColumns.length}">Nomad tells of no jobs.</td></tr>
{{ end }}`;
