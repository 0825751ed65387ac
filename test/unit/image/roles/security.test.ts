import assert from "node:assert/strict";
import type { ImageContext } from "../../../../steps/image/manifest/contribution.ts";
import { nomad } from "../../../../steps/image/roles/nomad.ts";
import { certificate, fileOf, home, imageWith, jsonOf, textOf } from "./fixture.ts";

const tokens = {
  consulManagement: "TOKEN-consul-management",
  recovery: "TOKEN-recovery",
  machine: "TOKEN-machine",
  dns: "TOKEN-dns",
  nomadServer: "TOKEN-nomad-server",
  nomadClient: "TOKEN-nomad-client",
  nomadManagement: "TOKEN-nomad-management",
  prometheus: "TOKEN-prometheus",
  prometheusPage: "TOKEN-prometheus-page",
};
const context: ImageContext = { ...home, security: { ca: certificate, certificate, key: "KEY", tokens } };
const both = (role: "server" | "client" | "both") => ({ nomad: nomad.schema.parse(role) });
const server = imageWith({ consul: "server", ...both("both") }, { context });
const worker = imageWith({ consul: "client", ...both("client") }, { context });

const secretsIn = (text: string) => [...text.matchAll(/TOKEN-[a-z-]+|\bKEY\b/g)].map(([found]) => found);

describe("an image's secrets", () => {
  it("are in files that only their agent may read", () => {
    for (const { files } of [server, worker])
      for (const { path, mode, text } of files)
        if (secretsIn(text).length > 0) assert.equal(mode, "0600", `${path} has ${secretsIn(text)}`);
    assert.equal(fileOf(server, "/etc/consul.d/tls/agent-key.pem").owner, "consul");
    assert.equal(fileOf(server, "/etc/nomad.d/tls/agent-key.pem").owner, "root");
  });

  it("are those that its agents need, and no others", () => {
    const has = (image: typeof server) => [...new Set(image.files.flatMap(({ text }) => secretsIn(text)))].sort();
    const common = ["KEY", tokens.dns, tokens.machine, tokens.recovery];
    assert.deepEqual(has(worker), [...common, tokens.nomadClient].sort());
    assert.deepEqual(
      has(server),
      [...common, tokens.consulManagement, tokens.nomadManagement, tokens.nomadServer].sort(),
    );
    assert.deepEqual(has(imageWith({ consul: "client" }, { context })), common.sort());
  });

  it("are no token of Consul's that everybody would have", () => {
    for (const image of [server, worker])
      assert.equal(jsonOf(image, "/etc/consul.d/tokens.json").acl.tokens.default, undefined);
  });
});

describe("the machine's metrics", () => {
  it("are for the stack's own certificates, with which Consul checks and Prometheus asks", () => {
    const image = imageWith({ consul: "client", "node-exporter": true, prometheus: true }, { context });
    assert.match(fileOf(image, "/etc/node-exporter/web.yml").text, /client_auth_type: RequireAndVerifyClientCert/);
    const { service } = jsonOf(image, "/etc/consul.d/node-exporter.json");
    assert.equal(service.checks[0].http, "https://127.0.0.1:9100/");
    assert.ok(jsonOf(image, "/etc/consul.d/consul.json").enable_agent_tls_for_checks);
    const scraped = fileOf(image, "/etc/prometheus/prometheus.yml").text;
    assert.match(
      scraped,
      /job_name: node-exporter\n {4}scheme: https\n {4}tls_config:\n {6}ca_file: \S+\n {6}cert_file: /,
    );
    assert.equal(fileOf(image, "/etc/prometheus/consul-token").text, tokens.prometheus);
  });

  it("are Prometheus's to show to who has its password, which is not in its list of users", () => {
    const image = imageWith({ prometheus: true }, { context });
    const { mode, owner, text } = fileOf(image, "/etc/prometheus/web.yml");
    assert.deepEqual([mode, owner, secretsIn(text)], ["0600", "prometheus", []]);
    assert.match(text, /piinit: \$2b\$04\$\S{53}\n/);
    assert.equal(fileOf(imageWith({ prometheus: true }, { context }), "/etc/prometheus/web.yml").text, text);
    const { service } = jsonOf(image, "/etc/consul.d/prometheus.json");
    assert.deepEqual(service.checks[0].tcp, "127.0.0.1:9090");
    const unit = textOf(image, "/etc/systemd/system/prometheus.service.d/piinit.conf");
    assert.match(unit, /--web\.config\.file=\/etc\/prometheus\/web\.yml$/m);
  });
});

describe("the agents' own ports", () => {
  it("take nobody from the network without TLS", () => {
    const { addresses, ports, tls } = jsonOf(server, "/etc/consul.d/consul.json");
    assert.deepEqual(addresses, { http: "127.0.0.1", dns: "127.0.0.1" });
    assert.equal(ports.https, 8501);
    assert.ok(tls.defaults.verify_incoming && tls.internal_rpc.verify_server_hostname);
    const config = jsonOf(worker, "/etc/nomad.d/nomad.json");
    assert.ok(config.tls.http && config.tls.rpc && config.tls.verify_server_hostname && config.acl.enabled);
  });
});
