import { combine, defineRole, enable, file, onOff } from "../manifest/contribution.ts";

const service = {
  service: {
    name: "node-exporter",
    port: 9100,
    tags: ["prom"],
    checks: [{ http: "http://127.0.0.1:9100/", interval: "30s", timeout: "5s" }],
  },
};

/** Where other programs leave metrics for it, as NAME.prom: in memory, because they are of this moment. */
const textfiles = "/run/node-exporter";

/** The machine's own metrics for Prometheus on port 9100, registered in Consul with a check. */
export const nodeExporter = defineRole({
  schema: onOff.meta({ description: "The machine's metrics, for Prometheus.", example: true }),
  row: { options: "`true`", ports: "9100", registers: "`node-exporter`, with a check and the tag `prom`" },
  contribute: () =>
    combine({
      packages: ["prometheus-node-exporter"],
      files: [
        file("/etc/consul.d/node-exporter.json", `${JSON.stringify(service, undefined, 2)}\n`),
        file("/etc/default/prometheus-node-exporter", `ARGS="--collector.textfile.directory=${textfiles}"\n`),
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
