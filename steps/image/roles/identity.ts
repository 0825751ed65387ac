import { type Contribution, combine, file, script, unit } from "../manifest/contribution.ts";
import { dhcp } from "./dhcp.ts";

/**
 * The machine's identity, none of it in the image: its name and address come from DHCP, the agents' node-id from its
 * hardware address, its machine-id is made by systemd on first boot.
 */
export function identity(): Contribution {
  return combine(
    {
      files: [
        file("/etc/systemd/network/20-wired.network", wiredNetwork),
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

const takeNamePath = `[Unit]
Description=Watch for a DHCP lease

[Path]
PathChanged=/run/systemd/netif/leases

[Install]
WantedBy=paths.target
`;

const takeNameService = `[Unit]
Description=Take the host name from the DHCP lease
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/usr/lib/piinit/take-name
`;

// networkd itself may not set the host name without polkit, which a small image does not have.
// Which card a machine is known by must not change while it runs: its agents' identity is made from the MAC.
const takeName = `#!/bin/sh
# Sets the kernel's host name from the DHCP lease. When name or address changes later, the agents start again with it.
# With several leases the wire's counts, and the one that was taken stays for as long as it is there.
set -eu

# "wired NAME ADDRESS MAC" or "wireless NAME ADDRESS MAC" of each lease that has a name, wired ones first.
leases() {
  for lease in /run/systemd/netif/leases/*; do
    [ -f "$lease" ] || continue
    name=$(sed -n 's/^HOSTNAME=//p' "$lease")
    address=$(sed -n 's/^ADDRESS=//p' "$lease")
    [ -n "$name" ] && [ -n "$address" ] || continue
    card=$(dirname "$(grep -lx "\${lease##*/}" /sys/class/net/*/ifindex)")
    kind=wired
    [ ! -e "$card/phy80211" ] || kind=wireless
    echo "$kind $name $address $(cat "$card/address")"
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
[ -s /run/piinit/machine ] || echo "waiting for a DHCP lease with a host name"
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
