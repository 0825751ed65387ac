import { addressesOf, networkOf } from "../../../lib/network.ts";
import { forwardedPort, routerMacs, type Service, services } from "../../lab/facts.ts";
import { type Contribution, combine, enable, file, mask } from "../manifest/contribution.ts";

export interface RouterOptions {
  cidr: string;
  domain: string;
}

/** Where the lab router keeps reservations and leases: on its data disk, so that a new router image forgets nothing. */
export const hostsDir = "/data/dnsmasq/hosts";
export const leaseFile = "/data/dnsmasq/leases";

/** The lab's home router: DHCP by reservation only, DNS, and ports that lead from the host to the machines. */
export function router({ cidr, domain }: RouterOptions): Contribution {
  const { router: address, prefix } = networkOf(cidr);
  return combine({
    packages: ["dnsmasq", "nftables"],
    files: [
      file("/etc/hostname", "router\n"),
      file("/etc/systemd/network/10-lan.network", lanNetwork(`${address}/${prefix}`)),
      file("/etc/systemd/network/10-wan.network", wanNetwork),
      file("/etc/sysctl.d/50-forward.conf", "net.ipv4.ip_forward = 1\n"),
      file("/etc/tmpfiles.d/router.conf", `d ${hostsDir} 0755 root root\n`),
      file("/etc/dnsmasq.d/lab.conf", dnsmasqConfig(cidr, domain)),
      file("/etc/ssh/sshd_config.d/01-lab.conf", sshdConfig),
      file("/etc/nftables.conf", nftables(cidr)),
      file("/etc/systemd/system/dnsmasq.service.d/lab.conf", afterData),
    ],
    links: [
      enable("dnsmasq.service", "multi-user.target"),
      enable("nftables.service", "sysinit.target"),
      mask("dnsmasq@.service"),
    ],
  });
}

// Every `up` logs in. A session of PAM's takes a third of that, and so does the key exchange that OpenSSH before 9.9 prefers, which
// the emulated processor is slow at.
const sshdConfig = `UsePAM no
KexAlgorithms -sntrup761x25519-sha512*
`;

const lanNetwork = (address: string) => `[Match]
MACAddress=${routerMacs.lan}

[Network]
Address=${address}
ConfigureWithoutCarrier=yes
LinkLocalAddressing=no
`;

// The address that QEMU's user network forwards to.
const wanNetwork = `[Match]
MACAddress=${routerMacs.wan}

[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
LinkLocalAddressing=no
`;

// Two minutes are dnsmasq's shortest lease: a changed reservation takes hold within one.
const dnsmasqConfig = (cidr: string, domain: string) => {
  const { network, router: address, netmask } = networkOf(cidr);
  return `listen-address=${address}
bind-dynamic
no-resolv
no-hosts
domain=${domain}
local=/${domain}/
expand-hosts
dhcp-authoritative
dhcp-range=${network},static,${netmask},2m
dhcp-hostsdir=${hostsDir}
dhcp-leasefile=${leaseFile}
`;
};

const afterData = `[Unit]
RequiresMountsFor=/data
StartLimitIntervalSec=0

[Service]
Restart=always
RestartSec=1
`;

function nftables(cidr: string): string {
  const chains = (Object.keys(services) as Service[]).map((service) => {
    const ports = addressesOf(cidr).map((ip) => `${forwardedPort(service, ip)} : ${ip} . ${services[service]}`);
    return `    ip daddr 10.0.2.15 dnat to tcp dport map { ${ports.join(", ")} }`;
  });
  return `flush ruleset
table ip lab {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
${chains.join("\n")}
  }
}
`;
}
