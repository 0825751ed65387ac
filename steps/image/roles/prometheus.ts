import { stringify } from "yaml";
import {
  combine,
  defineRole,
  enable,
  file,
  type ImageContext,
  type ImageSecurity,
  type Neighbour,
  onOff,
  prometheusUser,
} from "../manifest/contribution.ts";
import { alertRules } from "./alert-rules.ts";
import { alertmanagersFile } from "./alertmanager.ts";
import { certificateSettings, pathsIn } from "./certificates.ts";
import { clusterPageFile, clusterPageTemplate, pagesFolder } from "./cluster-page.ts";
import { consulTargets, targetsFile, tokenFile } from "./consul-targets.ts";
import { passwordFile, prometheusPage, prometheusTls, webFile } from "./prometheus-page.ts";

/** Consul has no password for it, and says to whoever may read services how it checks them. */
const serviceFor = (security: ImageSecurity | undefined) => ({
  service: {
    name: "prometheus",
    port: 9090,
    checks: [
      {
        ...(security ? { tcp: "127.0.0.1:9090" } : { http: "http://127.0.0.1:9090/-/ready" }),
        interval: "30s",
        timeout: "5s",
      },
    ],
  },
});

/**
 * Prometheus on port 9090, registered in Consul with a check. It watches the stack's machines and their agents, every
 * Consul service with the tag `prom`, and all Nomad clients.
 */
export const prometheus = defineRole({
  schema: onOff.meta({ description: "A Prometheus that watches the stack.", example: true }),
  row: { options: "`true`", ports: "9090 HTTPS, with a password", registers: "`prometheus`, with a check" },
  contribute: (_on, context) =>
    combine(consulTargets(context.security), prometheusPage(context.security), {
      packages: ["prometheus"],
      files: [
        file("/etc/prometheus/prometheus.yml", stringify(configuration(context), { lineWidth: 0 })),
        file(rulesFile, stringify(alertRules(context), { lineWidth: 0 })),
        file(clusterPageFile, clusterPageTemplate(context)),
        file("/etc/tmpfiles.d/prometheus-data.conf", "d /data/prometheus 0750 prometheus prometheus\n"),
        file("/etc/systemd/system/prometheus.service.d/piinit.conf", dropIn(context.security !== undefined)),
        file("/etc/consul.d/prometheus.json", `${JSON.stringify(serviceFor(context.security), undefined, 2)}\n`),
      ],
      links: [enable("prometheus.service", "multi-user.target")],
    }),
});

const rulesFile = "/etc/prometheus/alerts.yml";

function configuration({ machines, consulServers, nomadServers, security }: ImageContext): object {
  const withRole = (role: string) => machines.filter(({ roles }) => roles.includes(role));
  const isConsulServer = ({ ip }: Neighbour) => consulServers.includes(ip);
  const jobs = [
    { job_name: "prometheus", ...(security && byPassword), static_configs: [{ targets: ["localhost:9090"] }] },
    { job_name: "node-exporter", ...(security && asMachine), static_configs: targets(withRole("node-exporter"), 9100) },
    consulAgents("consul-servers", withRole("consul").filter(isConsulServer), security !== undefined),
    consulAgents(
      "consul-clients",
      withRole("consul").filter((machine) => !isConsulServer(machine)),
      security !== undefined,
    ),
    {
      job_name: "nomad-servers",
      metrics_path: "/v1/metrics",
      params: { format: ["prometheus"] },
      ...(security && byTls),
      static_configs: targets(
        machines.filter(({ ip }) => nomadServers.includes(ip)),
        4646,
      ),
      metric_relabel_configs: [dropNamesOfPeers],
    },
  ].filter(({ static_configs }) => static_configs.length > 0);
  return {
    global: { scrape_interval: "15s", evaluation_interval: "15s" },
    rule_files: [rulesFile],
    alerting: { alertmanagers: [{ file_sd_configs: [{ files: [alertmanagersFile] }] }] },
    scrape_configs: [...jobs, consulServices, nomadClients(nomadServers, security !== undefined)],
  };
}

/** One group per machine, because only a group has labels. */
function targets(machines: Neighbour[], port: number) {
  return machines.map(({ name, ip }) => ({ targets: [`${ip}:${port}`], labels: { instance: name } }));
}

/** Nomad tells its metrics to everybody. */
const byTls = { scheme: "https", tls_config: { ca_file: pathsIn(prometheusTls).ca } };

const byPassword = { ...byTls, basic_auth: { username: prometheusUser, password_file: passwordFile } };

/** The exporters answer to a machine's certificate alone. */
const asMachine = { scheme: "https", tls_config: certificateSettings(prometheusTls) };

function consulAgents(name: string, machines: Neighbour[], isSecure: boolean) {
  return {
    job_name: name,
    metrics_path: "/v1/agent/metrics",
    params: { format: ["prometheus"] },
    ...(isSecure && { ...byTls, authorization: { credentials_file: tokenFile } }),
    static_configs: targets(machines, isSecure ? 8501 : 8500),
    metric_relabel_configs: [dropNamesOfPeers],
  };
}

// Raft exports these metrics twice: with the peer as a label, and as a part of the name, which adds a name for every peer ever.
const dropNamesOfPeers = {
  source_labels: ["__name__"],
  regex: "(consul|nomad)_raft_replication_.+_[0-9a-f]{8}(_[0-9a-f]{4}){3}_[0-9a-f]{12}(_sum|_count)?",
  action: "drop",
};

const fromConsul = { file_sd_configs: [{ files: [targetsFile], refresh_interval: "1m" }] };

const consulServices = {
  job_name: "consul-services",
  ...fromConsul,
  relabel_configs: [
    { source_labels: ["__meta_consul_tags"], regex: ".*,prom,.*", action: "keep" },
    // The stack's own machines have their own job, which works without Consul.
    { source_labels: ["__meta_consul_service"], regex: "node-exporter", action: "drop" },
    { source_labels: ["__meta_consul_service"], target_label: "job" },
    { source_labels: ["__meta_consul_node"], target_label: "node" },
  ],
};

/** A machine that is server and client has one set of metrics, which the servers' job scrapes. */
function nomadClients(nomadServers: string[], isSecure: boolean) {
  return {
    job_name: "nomad-clients",
    metrics_path: "/v1/metrics",
    params: { format: ["prometheus"] },
    ...(isSecure && byTls),
    ...fromConsul,
    relabel_configs: [
      { source_labels: ["__meta_consul_service"], regex: "nomad-client", action: "keep" },
      { source_labels: ["__meta_consul_tags"], regex: ".*,http,.*", action: "keep" },
      ...nomadServers.map((ip) => ({
        source_labels: ["__address__"],
        regex: `${ip.replaceAll(".", "\\.")}:.*`,
        action: "drop",
      })),
      { source_labels: ["__meta_consul_node"], target_label: "instance" },
    ],
  };
}

// Whichever limit is reached first; the size fits a small card.
const dropIn = (isSecure: boolean) => `[Unit]
RequiresMountsFor=/data
StartLimitIntervalSec=0

[Service]
ExecStart=
ExecStart=/usr/bin/prometheus --config.file=/etc/prometheus/prometheus.yml --storage.tsdb.path=/data/prometheus --storage.tsdb.retention.time=30d --storage.tsdb.retention.size=2GB --web.console.templates=${pagesFolder}${isSecure ? ` --web.config.file=${webFile}` : ""}
Restart=always
RestartSec=5
`;
