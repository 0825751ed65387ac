import assert from "node:assert/strict";
import { parse } from "yaml";
import { fileOf, home, imageWith, jsonOf, linkOf, settingsOf, textOf } from "./fixture.ts";

interface Rule {
  source_labels?: string[];
  regex?: string;
  action?: string;
  target_label?: string;
}

interface Job {
  job_name: string;
  metrics_path?: string;
  params?: { format: string[] };
  static_configs?: { targets: string[]; labels?: Record<string, string> }[];
  file_sd_configs?: { files: string[] }[];
  relabel_configs?: Rule[];
  metric_relabel_configs?: Rule[];
}

const image = imageWith({ prometheus: true });
const config = parse(textOf(image, "/etc/prometheus/prometheus.yml")) as { scrape_configs: Job[] };
const job = (name: string): Job =>
  config.scrape_configs.find(({ job_name }) => job_name === name) ?? assert.fail(`no job ${name}`);
const targetsOf = (name: string) =>
  Object.fromEntries(job(name).static_configs?.map(({ targets, labels }) => [labels?.instance, targets[0]]) ?? []);

/** What a job makes of a target that was discovered: its labels, or nothing when it is not scraped. */
function relabel(rules: Rule[] = [], discovered: Record<string, string>): Record<string, string> | undefined {
  const labels = { ...discovered };
  for (const { source_labels = [], regex = ".*", action = "replace", target_label } of rules) {
    const value = source_labels.map((label) => labels[label] ?? "").join(";");
    const matches = new RegExp(`^(?:${regex})$`).test(value);
    if ((action === "keep" && !matches) || (action === "drop" && matches)) return undefined;
    if (action === "replace" && target_label) labels[target_label] = value;
  }
  return labels;
}

describe("the role prometheus", () => {
  it("watches the exporters of the stack's machines that have one, by the machines' names", () => {
    assert.deepEqual(targetsOf("node-exporter"), {
      pi1: "192.168.2.51:9100",
      pi2: "192.168.2.52:9100",
      pi3: "192.168.2.53:9100",
      zero: "192.168.2.54:9100",
    });
  });

  it("watches itself, Consul's servers and clients, and Nomad's servers", () => {
    assert.deepEqual(job("prometheus").static_configs, [{ targets: ["localhost:9090"] }]);
    assert.deepEqual(Object.keys(targetsOf("consul-servers")), ["pi1", "pi2", "pi3"]);
    assert.deepEqual(targetsOf("consul-clients"), { nuc: "192.168.2.60:8500", zero: "192.168.2.54:8500" });
    assert.equal(targetsOf("nomad-servers").pi3, "192.168.2.53:4646");
    assert.equal(job("consul-clients").metrics_path, "/v1/agent/metrics");
    assert.equal(job("nomad-servers").metrics_path, "/v1/metrics");
    for (const name of ["consul-servers", "consul-clients", "nomad-servers", "nomad-clients"])
      assert.deepEqual(job(name).params, { format: ["prometheus"] });
  });

  it("finds services with the tag prom in Consul, and names the job after the service", () => {
    const { file_sd_configs, relabel_configs } = job("consul-services");
    assert.deepEqual(file_sd_configs?.[0]?.files, ["/run/consul-targets/services.json"]);
    const found = (service: string, tags: string) =>
      relabel(relabel_configs, { __meta_consul_service: service, __meta_consul_tags: tags, __meta_consul_node: "pi2" });
    assert.equal(found("page", ",web,prom,")?.job, "page");
    assert.equal(found("page", ",web,prom,")?.node, "pi2");
    assert.equal(found("page", ",web,promise,"), undefined);
    assert.equal(found("page", ""), undefined);
  });

  it("does not scrape a machine's exporter a second time by its service", () => {
    const labels = { __meta_consul_service: "node-exporter", __meta_consul_tags: ",prom," };
    assert.equal(relabel(job("consul-services").relabel_configs, labels), undefined);
  });

  it("scrapes Nomad clients that Consul knows, except the agents that are servers too", () => {
    const { file_sd_configs, metrics_path, relabel_configs } = job("nomad-clients");
    assert.deepEqual(file_sd_configs, job("consul-services").file_sd_configs);
    assert.equal(metrics_path, "/v1/metrics");
    const client = (address: string, tags = ",http,", service = "nomad-client") =>
      relabel(relabel_configs, {
        __address__: address,
        __meta_consul_service: service,
        __meta_consul_tags: tags,
        __meta_consul_node: "nuc",
      });
    assert.equal(client("192.168.2.60:4646")?.instance, "nuc");
    assert.equal(client("192.168.2.60:4646", ",rpc,"), undefined);
    assert.equal(client("192.168.2.60:4646", ",http,", "page"), undefined);
    assert.equal(client("192.168.2.51:4646"), undefined);
    assert.ok(client("192.168.2.5:4646"));
  });

  it("drops Raft's metrics that have a peer's id in their name, and no others", () => {
    const dropped = (name: string) =>
      relabel(job("consul-servers").metric_relabel_configs, { __name__: name }) === undefined;
    const id = "0b6a2f3e_91d4_4c1e_8a55_0123456789ab";
    assert.ok(dropped(`consul_raft_replication_heartbeat_${id}`));
    assert.ok(dropped(`consul_raft_replication_appendEntries_rpc_${id}_sum`));
    assert.ok(!dropped("consul_raft_replication_heartbeat_count"));
    assert.ok(!dropped("consul_raft_leader_lastContact"));
  });

  it("leaves out jobs that would have no target", () => {
    const machines = home.machines.filter(({ name }) => name === "nuc").map((one) => ({ ...one, roles: ["consul"] }));
    const alone = { ...home, machines, nomadServers: [] };
    const text = textOf(imageWith({ prometheus: true }, { context: alone }), "/etc/prometheus/prometheus.yml");
    const names = (parse(text) as typeof config).scrape_configs.map(({ job_name }) => job_name);
    assert.deepEqual(names, ["prometheus", "consul-clients", "consul-services", "nomad-clients"]);
  });

  it("keeps a bounded history on the data file system, and starts whatever happens", () => {
    const dropIn = textOf(image, "/etc/systemd/system/prometheus.service.d/piinit.conf");
    const [reset, command = ""] = settingsOf(dropIn, "ExecStart");
    assert.equal(reset, "");
    for (const option of ["--storage.tsdb.path=/data/prometheus", "--storage.tsdb.retention.time=30d"])
      assert.ok(command.includes(option), command);
    assert.match(command, /--storage\.tsdb\.retention\.size=\d+GB/);
    assert.deepEqual(settingsOf(dropIn, "RequiresMountsFor"), ["/data"]);
    assert.deepEqual(settingsOf(dropIn, "Restart"), ["always"]);
    assert.match(textOf(image, "/etc/tmpfiles.d/prometheus-data.conf"), /^d \/data\/prometheus 0750 prometheus /);
  });

  it("is registered in Consul with a check, and not with the tag by which it would scrape itself again", () => {
    const { service } = jsonOf(image, "/etc/consul.d/prometheus.json");
    assert.equal(service.port, 9090);
    assert.equal(service.checks[0].http, "http://127.0.0.1:9090/-/ready");
    assert.equal(service.tags, undefined);
    assert.ok(linkOf(image, "/etc/systemd/system/multi-user.target.wants/prometheus.service"));
    assert.equal(fileOf(image, "/etc/prometheus/prometheus.yml").mode, "0644");
  });
});
