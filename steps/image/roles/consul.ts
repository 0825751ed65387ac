import { z } from "zod";
import { combine, defineRole, file, type ImageContext, privateJson, script, unit } from "../manifest/contribution.ts";
import { autopilot } from "./autopilot.ts";

type ConsulRole = "server" | "client";

/** A Consul agent. Servers keep the state; clients register their machine's services and look up others. */
export const consul = defineRole({
  schema: z
    .enum(["server", "client"])
    .default("client")
    .meta({ description: "A Consul agent. Servers keep the state: have three, or five.", example: "server" }),
  program: "consul",
  row: {
    options: "`server` or `client`",
    ports: "8500 HTTP and UI, 8600 DNS, 8300 to 8302 among the agents",
    registers: "itself",
  },
  contribute: (role, context) =>
    combine(
      {
        users: [{ name: "consul", id: 801, home: "/data/consul" }],
        directories: [{ path: "/etc/consul.d", mode: "0755", owner: "root" }],
        files: [
          file("/etc/tmpfiles.d/consul.conf", "d /data/consul 0750 consul consul\n"),
          file("/etc/consul.d/consul.json", `${JSON.stringify(agentConfig(role, context), undefined, 2)}\n`),
          privateJson("/etc/consul.d/gossip.json", { encrypt: context.gossipKeys.consul }, "consul"),
          script("/usr/lib/piinit/prepare-consul", prepare),
        ],
      },
      unit("consul.service", service, "multi-user.target"),
    ),
});

function agentConfig(role: ConsulRole, { datacenter, consulServers }: ImageContext): object {
  return {
    datacenter,
    data_dir: "/data/consul",
    bind_addr: "0.0.0.0",
    client_addr: "0.0.0.0",
    retry_join: consulServers,
    retry_interval: "5s",
    disable_update_check: true,
    // The gossip key is in the image only: a second copy on the disk could differ, or be empty after a power cut.
    disable_keyring_file: true,
    // Only the image's own script checks: none can be registered over the network.
    enable_local_script_checks: true,
    telemetry: { disable_hostname: true, prometheus_retention_time: "10m" },
    ...(role === "server" && {
      server: true,
      bootstrap_expect: consulServers.length,
      ui_config: { enabled: true },
      // The default refuses a server that was off for a week, and a home may be switched off for longer.
      server_rejoin_age_max: "87600h",
      autopilot,
    }),
  };
}

const prepare = `#!/bin/sh
# Runs as root before Consul starts: what a power cut may have broken is made whole.
set -eu
/usr/lib/piinit/wait-for-name
# The image knows no address, and a machine may have several.
read -r _ address _ </run/piinit/machine
echo "{\\"advertise_addr\\": \\"$address\\"}" >/run/piinit/consul.json
/usr/lib/piinit/node-id /data/consul/node-id
chown consul:consul /data/consul/node-id
# Definitions of registered services and checks are written without a sync; an empty one stops the agent.
find /data/consul/services /data/consul/checks -type f -size 0 -delete 2>/dev/null || true
`;

// No start limit: a server that comes up before the others must keep trying.
const service = `[Unit]
Description=Consul agent
Documentation=https://developer.hashicorp.com/consul/docs
Wants=network.target
After=network.target time-sync.target take-name.service
RequiresMountsFor=/data
StartLimitIntervalSec=0

[Service]
Type=exec
User=consul
Group=consul
ExecStartPre=+/usr/lib/piinit/prepare-consul
ExecStart=/usr/local/bin/consul agent -config-dir=/etc/consul.d -config-file=/run/piinit/consul.json
ExecReload=/bin/kill --signal HUP $MAINPID
KillMode=process
KillSignal=SIGTERM
TimeoutStartSec=infinity
Restart=always
RestartSec=2
LimitNOFILE=65536
NoNewPrivileges=yes
ProtectSystem=full
ProtectHome=yes
PrivateTmp=yes
`;
