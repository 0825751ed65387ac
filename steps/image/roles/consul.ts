import { z } from "zod";
import {
  combine,
  defineRole,
  file,
  type ImageContext,
  type ImageSecurity,
  privateJson,
  script,
  unit,
} from "../manifest/contribution.ts";
import { autopilot } from "./autopilot.ts";
import { certificateFiles, certificateSettings } from "./certificates.ts";

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
    ports: "8501 HTTPS and UI, 8300 and 8301 among the agents; 8500 HTTP and 8600 DNS for the machine itself",
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
          ...certificateFiles(tlsFolder, "consul", context.security),
          ...(context.security
            ? [privateJson("/etc/consul.d/tokens.json", tokens(role, context.security), "consul")]
            : []),
          script("/usr/lib/piinit/prepare-consul", prepare),
        ],
      },
      unit("consul.service", service, "multi-user.target"),
    ),
});

const tlsFolder = "/etc/consul.d/tls";

/**
 * A small machine that is busy doesn't answer within the defaults' half a second, and one that is taken for failed and comes back makes
 * all the others busy. These are between Consul's values for a LAN and for a WAN: one that is off is noticed after about 15 s.
 */
const gossip = { probe_interval: "3s", probe_timeout: "2s", gossip_interval: "500ms" };

function agentConfig(role: ConsulRole, { datacenter, consulServers, security }: ImageContext): object {
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
    gossip_lan: gossip,
    ...(security && locks),
    ...(role === "server" && {
      server: true,
      bootstrap_expect: consulServers.length,
      ui_config: { enabled: true },
      // The default refuses a server that was off for a week, and a home may be switched off for longer.
      server_rejoin_age_max: "87600h",
      autopilot: autopilot(consulServers),
    }),
  };
}

/** From the network by TLS only, and with a token. The machine's own programs ask in the clear, on 127.0.0.1. */
const locks = {
  addresses: { http: "127.0.0.1", dns: "127.0.0.1" },
  // What is off here is for Connect, and for several datacenters.
  ports: { https: 8501, grpc: -1, grpc_tls: -1, serf_wan: -1 },
  tls: {
    defaults: { ...certificateSettings(tlsFolder), verify_incoming: true, verify_outgoing: true },
    // A token opens the API: browsers have no certificate.
    https: { verify_incoming: false },
    internal_rpc: { verify_server_hostname: true },
  },
  // The exporters answer to a certificate alone.
  enable_agent_tls_for_checks: true,
  acl: { enabled: true, default_policy: "deny", down_policy: "extend-cache" },
};

/** Without `default`, which would be everybody's who has no token. */
function tokens(role: ConsulRole, { tokens }: ImageSecurity): object {
  return {
    acl: {
      tokens: {
        ...(role === "server" && { initial_management: tokens.consulManagement }),
        agent: tokens.machine,
        agent_recovery: tokens.recovery,
        config_file_service_registration: tokens.machine,
        dns: tokens.dns,
      },
    },
  };
}

const prepare = `#!/bin/sh
# Runs as root before Consul starts: what a power cut may have broken is made whole.
set -eu
/usr/lib/piinit/wait-for-name
# The image knows no address, and a machine may have several.
read -r name address _ </run/piinit/machine
install -d -m 0750 -o consul -g consul /run/piinit/consul
echo "{\\"advertise_addr\\": \\"$address\\"}" >/run/piinit/consul/address.json
if [ -x /usr/lib/piinit/consul-watch ]; then /usr/lib/piinit/consul-watch "$name" >/run/piinit/consul/watch.json; fi
/usr/lib/piinit/node-id /data/consul/node-id
chown consul:consul /data/consul/node-id
# Definitions of registered services and checks are written without a sync; an empty one stops the agent.
find /data/consul/services /data/consul/checks -type f -size 0 -delete 2>/dev/null || true
`;

// No start limit: a server that comes up before the others must keep trying. Without a leader, it would take minutes to stop.
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
ExecStart=/usr/local/bin/consul agent -config-dir=/etc/consul.d -config-dir=/run/piinit/consul
ExecReload=/bin/kill --signal HUP $MAINPID
KillMode=process
KillSignal=SIGTERM
TimeoutStartSec=infinity
TimeoutStopSec=15
Restart=always
RestartSec=2
LimitNOFILE=65536
NoNewPrivileges=yes
ProtectSystem=full
ProtectHome=yes
PrivateTmp=yes
`;
