import { z } from "zod";
import { type Contribution, combine, defineRole, file, unit } from "../manifest/contribution.ts";

/** Which clients dnsmasq answers: this machine only, or all in its networks. */
type Audience = "machine" | "lan";

/**
 * Resolves names in `.consul` through the local Consul agent, all others through the lease's DNS servers.
 * systemd-resolved stays the machine's own resolver and asks dnsmasq for `.consul`. The home router does DHCP.
 */
export const dnsmasq = defineRole({
  schema: z
    .enum(["machine", "lan"], "must be machine (answers this machine only) or lan (answers the home network too)")
    .meta({ description: "DNS for names below `.consul`.", example: "machine" }),
  row: {
    options: "`machine` or `lan`",
    ports: "53, on 127.0.0.1 or on every address",
    registers: "with `lan`: `dns`, with a check",
  },
  contribute: (audience) =>
    combine(
      {
        // The package `dnsmasq` would add a service that reads other files and calls resolvconf.
        packages: ["dnsmasq-base"],
        files: [
          file("/etc/dnsmasq.conf", configuration(audience)),
          file("/etc/systemd/resolved.conf.d/consul.conf", resolved),
        ],
      },
      unit("dnsmasq.service", dnsmasqService, "multi-user.target"),
      audience === "lan" ? registered : {},
    ),
});

// Each socket is bound to one address, for resolved has 127.0.0.53. A server that is one of our own addresses, as the one
// below is in resolved's list, is not asked; the loop detection finds longer circles, by way of another machine.
const configuration = (audience: Audience) => `${audience === "machine" ? "listen-address=127.0.0.1" : "local-service"}
bind-dynamic
user=dnsmasq
group=nogroup
no-hosts
resolv-file=/run/systemd/resolve/resolv.conf
server=/consul/127.0.0.1#8600
dns-loop-detect
cache-size=1000
`;

const resolved = `[Resolve]
DNS=127.0.0.1
Domains=~consul
`;

// dnsmasq watches the folder of resolved's list, and does not start without it.
const dnsmasqService = `[Unit]
Description=DNS for the names of Consul
Documentation=man:dnsmasq(8)
Wants=systemd-resolved.service network.target nss-lookup.target
After=systemd-resolved.service network.target
Before=nss-lookup.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=/usr/sbin/dnsmasq --keep-in-foreground --conf-file=/etc/dnsmasq.conf
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=2
ProtectSystem=full
ProtectHome=yes
PrivateTmp=yes
`;

const service = {
  service: { name: "dns", port: 53, checks: [{ tcp: "127.0.0.1:53", interval: "30s", timeout: "5s" }] },
};

const registered: Contribution = {
  files: [file("/etc/consul.d/dnsmasq.json", `${JSON.stringify(service, undefined, 2)}\n`)],
};
