import { type Contribution, combine, file, type Neighbour, script, unit } from "../manifest/contribution.ts";
import { dhcp } from "./dhcp.ts";

/**
 * The machine's identity. Every machine has the same image: its address comes from DHCP, its name from the lease or from
 * the table of the stack's machines, the agents' node-id from its MAC, and systemd makes its machine-id on first boot.
 */
export function identity(machines: readonly Neighbour[]): Contribution {
  return combine(
    {
      files: [
        file("/etc/systemd/network/20-wired.network", wiredNetwork),
        file("/usr/lib/piinit/machines", machineTable(machines)),
        script("/usr/lib/piinit/take-name", takeName),
        script("/usr/lib/piinit/wait-for-name", waitForName),
        script("/usr/lib/piinit/node-id", nodeId),
      ],
    },
    unit("take-name.path", takeNamePath, "paths.target"),
    unit("take-name.service", takeNameService, "multi-user.target"),
  );
}

// Real cards have no kind; containers' have one, and networkd would take them off their bridge.
const wiredNetwork = `[Match]
Type=ether
Kind=!*

${dhcp}`;

// In the order of the MACs, so that another order in the settings changes no image.
function machineTable(machines: readonly Neighbour[]): string {
  const lines = machines.map(({ mac, name }) => `${mac} ${name}\n`).sort();
  return `# The stack's machines: MAC and name.\n${lines.join("")}`;
}

const takeNamePath = `[Unit]
Description=Watch for a DHCP lease

[Path]
PathChanged=/run/systemd/netif/leases

[Install]
WantedBy=paths.target
`;

const takeNameService = `[Unit]
Description=Set the host name
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/usr/lib/piinit/take-name
`;

// networkd itself may not set the host name without polkit, which a small image does not have.
// Some routers send no name with a reservation, others a qualified one, which the agents refuse.
// Which card a machine is known by must not change while it runs: its agents' identity is made from the MAC.
const takeName = `#!/bin/sh
# Sets the kernel's host name: the lease's, else the one in the stack's table, else the address's in the DNS.
# When name or address changes later, the agents start again with it.
# With several leases the wire's counts, and the one that was taken stays for as long as it is there.
set -eu

# The first label of each host name in the input.
labels() {
  tr '[:upper:]' '[:lower:]' | sed -nE '/^localhost(\\.|$)/d; s/^([a-z0-9]([a-z0-9-]*[a-z0-9])?)(\\..*)?$/\\1/p'
}

# The names of an address at a lease's DNS servers, those of the first server that has any.
names_in_dns() {
  servers=$(sed -n 's/^DNS=//p' "$1")
  for server in $servers; do
    names=$(busybox nslookup "$2" "$server" 2>/dev/null | sed -n 's/.*[[:space:]]name = //p' | labels)
    [ -z "$names" ] || break
  done
  echo "\${names:-}"
}

# "wired NAME ADDRESS MAC" or "wireless NAME ADDRESS MAC" of each lease that has a name, wired ones first.
# "leases dns" asks the DNS for it.
leases() {
  for lease in /run/systemd/netif/leases/*; do
    [ -f "$lease" ] || continue
    address=$(sed -n 's/^ADDRESS=//p' "$lease")
    [ -n "$address" ] || continue
    card=$(dirname "$(grep -lx "\${lease##*/}" /sys/class/net/*/ifindex)")
    mac=$(cat "$card/address")
    if [ "\${1:-}" = dns ]; then
      name=$(names_in_dns "$lease" "$address" | head -n 1)
    else
      name=$(sed -n 's/^HOSTNAME=//p' "$lease" | labels)
      [ -n "$name" ] || name=$(sed -n "s/^$mac //p" /usr/lib/piinit/machines)
    fi
    [ -n "$name" ] || continue
    kind=wired
    [ ! -e "$card/phy80211" ] || kind=wireless
    echo "$kind $name $address $mac"
  done | sort
}

# Whether a lease may still come by wire: a card has a cable in it.
has_cable() {
  for card in /sys/class/net/*; do
    [ -e "$card/device" ] && [ ! -e "$card/phy80211" ] || continue
    [ "$(cat "$card/carrier" 2>/dev/null)" != 1 ] || return 0
  done
  return 1
}

before=$(cat /run/piinit/machine 2>/dev/null || true)
mac=\${before##* }
patience=20
while :; do
  all=$(leases)
  [ -n "$all" ] || all=$(leases dns)
  [ -n "$all" ] || exit 0
  first=$(echo "$all" | head -n 1)
  if [ -n "$mac" ]; then
    # Another card takes over when this one has lost its lease for good: a cable may be out for a moment.
    chosen=$(echo "$all" | grep " $mac$") && break
  else
    chosen=$first
    case $first in
      wireless*) has_cable || break ;;
      *) break ;;
    esac
  fi
  [ $patience -gt 0 ] || break
  patience=$((patience - 1))
  sleep 1
done

chosen=\${chosen:-$first}
now=\${chosen#* }
[ "$now" != "$before" ] || exit 0
echo "this machine is $now"
mkdir -p /run/piinit
echo "\${now%% *}" >/proc/sys/kernel/hostname
echo "$now" >/run/piinit/machine.new
mv /run/piinit/machine.new /run/piinit/machine
[ -z "$before" ] || systemctl --no-block try-restart consul.service nomad.service
`;

// A lease that comes while take-name is at work does not start it again, so it is asked to look from time to time.
const waitForName = `#!/bin/sh
# Returns when the machine has its name and address.
[ -s /run/piinit/machine ] || echo "waiting for a DHCP lease and a name"
tries=0
until [ -s /run/piinit/machine ]; do
  sleep 1
  tries=$((tries + 1))
  [ $((tries % 15)) != 0 ] || systemctl --no-block start take-name.service
done
`;

// Agents make this file without syncing it: after a power cut in their first minutes it is empty and they never start.
// Made from the hardware address it is also the same after a new card was put into the machine.
const nodeId = `#!/bin/sh
# node-id FILE: writes the machine's node-id, a UUID made from its MAC, unless FILE has it already.
set -eu
read -r _ _ mac </run/piinit/machine
id=$(printf 'piinit %s' "$mac" | sha256sum | sed -E 's/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/\\1-\\2-\\3-\\4-\\5/')
[ "$(cat "$1" 2>/dev/null || true)" = "$id" ] || echo "$id" | /usr/lib/piinit/write-durably "$1"
`;
