import { type Contribution, combine, file, type ImageSecurity, script, unit } from "../manifest/contribution.ts";

const folder = "/run/consul-targets";

/** What lets Prometheus read Consul; it alone may read it. */
export const tokenFile = "/etc/prometheus/consul-token";

/** The targets from Consul in the format of Prometheus's file_sd_configs. The file is in memory. */
export const targetsFile = `${folder}/services.json`;

// The input is an array with Consul's health/service answer for each service.
const filter = `[.[][] | {
  targets: [(if .Service.Address == "" then .Node.Address else .Service.Address end) + ":" + (.Service.Port | tostring)],
  labels: {
    __meta_consul_service: .Service.Service,
    __meta_consul_tags: ("," + ((.Service.Tags // []) | join(",")) + ","),
    __meta_consul_node: .Node.Node
  }
}] | sort_by(.labels.__meta_consul_service, .targets)
`;

const find = `#!/bin/sh
# Writes the services with the tag "prom" and Nomad's clients for Prometheus, every half minute when they have changed.
# While Consul gives no answer, what it said last stands.
token() { printf "X-Consul-Token: %s" "$(cat ${tokenFile} 2>/dev/null)"; }
ask() { token | curl --header @- --fail --silent --show-error --noproxy "*" --max-time 10 --max-filesize 8388608 "http://127.0.0.1:8500/v1/$1"; }

look() {
  services=$(ask catalog/services) || return
  names=$(echo "$services" | jq -r 'to_entries[] | select(.key == "nomad-client" or (.value | index("prom"))) | .key | @uri') ||
    return
  for name in $names; do ask "health/service/$name" || return; done >answers
  jq -s -f /usr/lib/piinit/consul-targets.jq <answers >new
}

cd ${folder} || exit
while :; do
  if look && ! cmp -s new services.json; then mv new services.json; fi
  sleep 30
done
`;

const service = `[Unit]
Description=Tell Prometheus of the services in Consul
Wants=consul.service
After=consul.service
StartLimitIntervalSec=0

[Service]
User=prometheus
ExecStart=/usr/lib/piinit/consul-targets
Restart=always
RestartSec=5
`;

/**
 * Debian's Prometheus is built without Consul discovery. This replaces it, with the same labels
 * (__meta_consul_service, __meta_consul_tags, __meta_consul_node).
 */
export const consulTargets = (security: ImageSecurity | undefined): Contribution =>
  combine(
    {
      packages: ["curl", "jq"],
      files: [
        file("/etc/tmpfiles.d/consul-targets.conf", `d ${folder} 0755 prometheus prometheus\n`),
        file("/usr/lib/piinit/consul-targets.jq", filter),
        script("/usr/lib/piinit/consul-targets", find),
        ...(security ? [file(tokenFile, security.tokens.prometheus, { mode: "0600", owner: "prometheus" })] : []),
      ],
    },
    unit("consul-targets.service", service, "multi-user.target"),
  );
