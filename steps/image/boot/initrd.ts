import { gzipSync } from "node:zlib";
import { type CpioEntry, writeCpio } from "../../../formats/cpio.ts";
import { trialWord } from "../manifest/slots.ts";
import { moduleName } from "./modules.ts";
import { ownDisk } from "./own-disk.ts";

/**
 * The machine's first program: loads modules, waits for the root file system and starts its init. Without a root file
 * system it says so and restarts the machine, so that nobody has to.
 */
export const initScript = `#!/bin/sh
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
exec < /dev/console > /dev/console 2>&1

give_up() {
  echo "initrd: $1; starting again in 30 s"
  cat /proc/partitions
  sleep 30
  reboot -f
}

root=
init=/sbin/init
access=ro
options=
overlay=
slot=
trial=
read -r line < /proc/cmdline
for word in $line; do
  case $word in
    root=*) root=\${word#root=} ;;
    init=*) init=\${word#init=} ;;
    rootflags=*) options=,\${word#rootflags=} ;;
    ro | rw) access=$word ;;
    piinit.overlay) overlay=yes ;;
    rauc.slot=*) slot=\${word#rauc.slot=} ;;
    ${trialWord}) trial=possible ;;
  esac
done

while read -r module; do
  insmod "/modules/$module" || echo "initrd: can't load $module"
done < /modules/order
${ownDisk}
mount -t efivarfs efivarfs /sys/firmware/efi/efivars 2> /dev/null
path_said=$(firmware_path)
kind_said=$(firmware_kind)
wanted=\${root#PARTUUID=}
number=\${wanted%-*}
tries=0
seen=0

# Prints the device of the root file system; it may not be there yet.
find_root() {
  [ "$wanted" != "$root" ] || { echo "$root"; return; }
  # shellcheck disable=SC2086 # a word for each disk
  for path in "/sys/block/$(choose "$seen" $disks)"/*/partition; do
    read -r partition < "$path" && [ "$partition" -eq "$((0x\${wanted##*-}))" ] || continue
    path=\${path%/partition}
    echo "/dev/\${path##*/}"
  done 2> /dev/null
}

until disks=$(numbered "$number"); device=$(find_root); [ -b "$device" ]; do
  # shellcheck disable=SC2086 # a word for each disk
  set -- $disks
  [ $# -eq 0 ] || seen=$((seen + 1))
  [ $# -lt 2 ] || [ "$seen" -lt 50 ] || give_up "$* are copies of one card, and the firmware doesn't say which of them it started: take out all but one"
  [ "$tries" -ne 20 ] || echo "initrd: waiting for $root"
  [ "$tries" -lt 600 ] || give_up "no $root after 60 s"
  tries=$((tries + 1))
  usleep 100000
done

# A Raspberry Pi's firmware counts no tries. So a slot that isn't known to work puts back the other one first: whatever
# happens from here on, the next start is that one's, unless this one has been confirmed.
end_trial() {
  boot=$(readlink -f "/sys/class/block/\${device##*/}")
  for boot in "\${boot%/*}"/*/partition; do
    read -r partition < "$boot" && [ "$partition" -ne 1 ] || break
  done
  boot=\${boot%/partition}
  mount -t vfat -o codepage=437,iocharset=ascii "/dev/\${boot##*/}" /above || return
  confirmed=$(sed -n '2s/^#confirmed=\\([AB]\\)$/\\1/p' /above/config.txt)
  if [ "$confirmed" ] && [ "$confirmed" != "$slot" ]; then
    echo "initrd: trying slot $slot; the next start is that of slot $confirmed"
    dd if=/above/config.txt bs=512 count=1 2> /dev/null | sed "1s/.*/os_prefix=$confirmed\\//" > /sector
    dd if=/sector of=/above/config.txt bs=512 count=1 conv=notrunc,fsync 2> /dev/null
  fi
  umount /above
}
[ -z "$trial" ] || end_trial || echo "initrd: can't read config.txt"

# What is written goes to memory. The machine's id, too, would be another on every boot: it is made from a serial number.
mount_overlay() {
  mount -t ext4 -o "ro$options" "$device" /below &&
    mount -t tmpfs -o mode=755 tmpfs /above &&
    mkdir /above/files /above/work &&
    mount -t overlay -o lowerdir=/below,upperdir=/above/files,workdir=/above/work overlay /root || return
  serial=$(cat /proc/device-tree/serial-number /sys/class/dmi/id/product_uuid 2> /dev/null | tr -d '\\0')
  [ -z "$serial" ] || echo "piinit $serial" | md5sum | cut -c1-32 > /root/etc/machine-id
}

if [ "$overlay" ]; then
  mount_overlay || give_up "can't mount $device with a file system in memory above it"
else
  mount -t ext4 -o "$access$options" "$device" /root || give_up "can't mount $device"
fi
[ -e "/root$init" ] || [ -L "/root$init" ] || give_up "no $init on $device"
# The system finds the other partitions of this disk by this, also where its root is in memory.
mount -t tmpfs -o mode=755,size=20%,nosuid,nodev tmpfs /run
mkdir /run/piinit
cat "/sys/class/block/\${device##*/}/dev" > /run/piinit/root
mount --move /run /root/run
mount --move /dev /root/dev
umount /sys/firmware/efi/efivars 2> /dev/null
umount /proc /sys
exec switch_root /root "$init"
`;

const applets = [
  "awk",
  "cat",
  "cut",
  "dd",
  "grep",
  "hexdump",
  "insmod",
  "md5sum",
  "mkdir",
  "mount",
  "readlink",
  "reboot",
  "sed",
  "sh",
  "sleep",
  "switch_root",
  "tr",
  "umount",
  "usleep",
];

/** An uncompressed kernel module. */
export interface LoadableModule {
  path: string;
  data: Uint8Array;
}

/** The compressed initial RAM disk: a static busybox, the modules in loading order, and the script. */
export function buildInitrd(busybox: Uint8Array, modules: readonly LoadableModule[]): Buffer {
  const files = modules.map(({ path, data }) => ({ name: `${moduleName(path)}.ko`, data }));
  const order = files.map(({ name }) => `${name}\n`).join("");
  const entries: CpioEntry[] = [
    ...["above", "below", "bin", "dev", "modules", "proc", "root", "run", "sys"].map((path) => ({
      path,
      type: "directory" as const,
    })),
    { path: "dev/console", type: "character device", mode: 0o600, major: 5, minor: 1 },
    { path: "bin/busybox", type: "file", mode: 0o755, data: busybox },
    ...applets.map((name) => ({ path: `bin/${name}`, type: "link" as const, target: "busybox" })),
    { path: "init", type: "file", mode: 0o755, data: Buffer.from(initScript) },
    ...files.map(({ name, data }) => ({ path: `modules/${name}`, type: "file" as const, mode: 0o644, data })),
    { path: "modules/order", type: "file", mode: 0o644, data: Buffer.from(order) },
  ];
  return gzipSync(writeCpio(entries));
}
