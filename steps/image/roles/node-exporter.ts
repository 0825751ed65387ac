import { stringify } from "yaml";
import { combine, defineRole, enable, file, onOff } from "../manifest/contribution.ts";
import { certificateFiles, pathsIn } from "./certificates.ts";

const service = (scheme: "http" | "https") => ({
  service: {
    name: "node-exporter",
    port: 9100,
    tags: ["prom"],
    checks: [{ http: `${scheme}://127.0.0.1:9100/`, interval: "30s", timeout: "5s" }],
  },
});

const tlsFolder = "/etc/node-exporter/tls";
const webFile = "/etc/node-exporter/web.yml";

/** It tells its metrics to who has a certificate of the stack: Prometheus, and Consul for its check. */
const web = {
  tls_server_config: {
    cert_file: pathsIn(tlsFolder).certificate,
    key_file: pathsIn(tlsFolder).key,
    client_auth_type: "RequireAndVerifyClientCert",
    client_ca_file: pathsIn(tlsFolder).ca,
  },
};

/** Where other programs leave metrics for it, as NAME.prom: in memory, because they are of this moment. */
const textfiles = "/run/node-exporter";

/** The machine's own metrics for Prometheus on port 9100, registered in Consul with a check. */
export const nodeExporter = defineRole({
  schema: onOff.meta({ description: "The machine's metrics, for Prometheus.", example: true }),
  row: {
    options: "`true`",
    ports: "9100 HTTPS, for the stack's own certificates",
    registers: "`node-exporter`, with a check and the tag `prom`",
  },
  contribute: (_on, { security }) =>
    combine({
      packages: ["prometheus-node-exporter"],
      files: [
        file(
          "/etc/consul.d/node-exporter.json",
          `${JSON.stringify(service(security ? "https" : "http"), undefined, 2)}\n`,
        ),
        ...certificateFiles(tlsFolder, "prometheus", security),
        ...(security ? [file(webFile, stringify(web))] : []),
        file(
          "/etc/default/prometheus-node-exporter",
          `ARGS="--collector.textfile.directory=${textfiles}${security ? ` --web.config.file=${webFile}` : ""}"\n`,
        ),
        file("/etc/tmpfiles.d/node-exporter.conf", `d ${textfiles} 0755 root root\n`),
        file("/etc/systemd/system/prometheus-node-exporter.service.d/piinit.conf", dropIn),
      ],
      links: [enable("prometheus-node-exporter.service", "multi-user.target")],
    }),
});

const dropIn = `[Unit]
StartLimitIntervalSec=0

[Service]
Restart=always
RestartSec=5
`;
