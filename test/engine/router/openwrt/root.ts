/** What a router with OpenWrt has in its files, as far as its `uci` and the start of dnsmasq go. */

/**
 * Starts dnsmasq again and again, as OpenWrt's procd does: at once after a signal, five seconds after a failure; but not
 * while it is turned off.
 */
const procd = `#!/bin/sh
while :; do
  while [ -e /etc/dnsmasq-off ]; do sleep 0.1; done
  dnsmasq --no-daemon --conf-file=/var/etc/dnsmasq.conf 2>>/var/log/messages &
  echo $! >/var/run/dnsmasq
  wait $! && continue
  sleep 5 &
  echo $! >/var/run/dnsmasq
  wait $!
done
`;

/** Writes what dnsmasq reads, and starts it anew if that has changed; otherwise it reads its files of hosts again. */
const initDnsmasq = `#!/bin/sh
[ "$1" = reload ] || exit 1
if [ -e /etc/reload-fails ]; then echo "no reload today" >&2; exit 1; fi
conf=/var/etc/dnsmasq.conf
cat /etc/dnsmasq.base >$conf.new
index=0
while uci -q get "dhcp.@host[$index]" >/dev/null; do
  option() { uci -q get "dhcp.@host[$index].$1"; }
  macs=$(option mac | tr ' ' ',') ip=$(option ip) name=$(option name) time=$(option leasetime)
  index=$((index + 1))
  if [ -z "$macs" ] || [ -z "$ip$name" ]; then continue; fi
  echo "dhcp-host=$macs\${ip:+,$ip}\${name:+,$name}\${time:+,$time}" >>$conf.new
done
read -r pid </var/run/dnsmasq
if cmp -s $conf $conf.new; then
  # The sleep of a dnsmasq that ended would not outlive it.
  ! pidof dnsmasq | grep -qw "$pid" || kill -HUP "$pid"
  exit 0
fi
mv $conf.new $conf
echo reloaded >>/var/log/reloads
kill "$pid"
`;

const logread = `#!/bin/sh
grep dnsmasq /var/log/messages
`;

const dnsmasqBase = `port=0
interface=home0
dhcp-range=192.168.2.200,192.168.2.250,1h
dhcp-authoritative
no-ping
log-dhcp
dhcp-leasefile=/tmp/dhcp.leases
conf-file=/etc/dnsmasq.conf
`;

/** As OpenWrt has them after its installation, with a user's own comment. */
export const dhcpConfig = `# Mine: do not touch.
config dnsmasq
	option domainneeded '1'
	option domain 'lan'
	option readethers '1'
	option leasefile '/tmp/dhcp.leases'

config dhcp 'lan'
	option interface 'lan'
	option start '200'
	option limit '51'
	option leasetime '1h'

config dhcp 'wan'
	option interface 'wan'
	option ignore '1'
`;

const networkConfig = `config interface 'loopback'
	option device 'lo'
	option proto 'static'
	option ipaddr '127.0.0.1'
	option netmask '255.0.0.0'

config interface 'lan'
	option device 'home0'
	option proto 'static'
	option ipaddr '192.168.2.1'
	option netmask '255.255.255.0'

config interface 'wan'
	option device 'eth1'
	option proto 'dhcp'
`;

/** Programs, by their path in the router. */
export const programs: Readonly<Record<string, string>> = {
  "sbin/procd": procd,
  "etc/init.d/dnsmasq": initDnsmasq,
  "sbin/logread": logread,
};

export const files: Readonly<Record<string, string>> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
  "etc/group": "root:x:0:\nnogroup:x:65534:\n",
  "etc/dnsmasq.conf": "",
  "etc/dnsmasq.base": dnsmasqBase,
  "etc/config/dhcp": dhcpConfig,
  "etc/config/network": networkConfig,
};

export const folders = [
  "bin",
  "dev",
  "etc/config",
  "etc/init.d",
  "proc",
  "sbin",
  "tmp",
  "usr",
  "var/etc",
  "var/log",
  "var/run",
];
