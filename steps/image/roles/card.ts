import path from "node:path";
import { type Contribution, combine, file, script, unit } from "../manifest/contribution.ts";
import { diskGeometry, freshDiskId } from "../manifest/geometry.ts";
import type { DiskLayout } from "../manifest/manifest.ts";
import { type Slot, slots } from "../manifest/slots.ts";

export interface CardOptions {
  /** Keep the data that an earlier image left on the card. */
  keepData: boolean;
  /** The root file system doesn't grow with its partition, because nothing is ever written to it. */
  readOnlyRoot: boolean;
}

/** Partitions of the disk that was booted, whatever is on other disks; `root` is the slot's that runs. */
export const ownPartitions = { root: "/dev/piinit/root", data: "/dev/piinit/data" };

/** The root partition of a slot, whichever runs. */
export const slotPartition = (slot: Slot): string => `/dev/piinit/slot-${slot}`;

/**
 * Prepares a card or disk on its first boot, when the image fills only its beginning: gives it a unique number, grows the
 * root file system to its slot, makes the data file system in the space after the second slot, and the second slot. It can
 * lose power at any point and be repeated. It writes to no other disk, and to nothing that isn't known to be ours.
 */
export function card(disk: DiskLayout, options: CardOptions): Contribution {
  return combine(
    {
      packages: ["e2fsprogs", "fdisk"],
      files: [
        script("/usr/lib/piinit/own-disk", ownDisk),
        file("/etc/udev/rules.d/70-piinit.rules", udevRules),
        script("/usr/lib/piinit/prepare-card", prepare(disk, options)),
      ],
    },
    unit("prepare-card.service", service, "local-fs.target"),
  );
}

/**
 * The layout of a card. The image has the boot partition and the first slot's file system, as small as possible. The
 * second slot is for updates over the network; where there are none, its room stays empty.
 */
export function cardLayout(disk: DiskLayout): { slotMiB: number; secondStartMiB: number; dataStartMiB: number } {
  const { root } = diskGeometry(disk);
  const slotMiB = disk.rootMiB;
  const secondStartMiB = root.offset / MiB + slotMiB;
  return { slotMiB, secondStartMiB, dataStartMiB: secondStartMiB + slotMiB };
}

// Our initial RAM disk notes what it mounted. With any other, / itself is on the disk, never a file system in memory.
const ownDisk = `#!/bin/sh
# own-disk: prints the name of the disk that the machine was booted from, e.g. mmcblk0.
# own-disk NAME [PARTITION]: succeeds if that is the one, and the partition that of the root file system.
set -eu
number=$(cat /run/piinit/root 2>/dev/null || mountpoint -d /)
partition=$(readlink -f "/sys/dev/block/$number")
disk=$(basename "$(dirname "$partition")")
[ $# -gt 0 ] || echo "$disk"
[ $# -eq 0 ] || [ "$disk" = "$1" ]
[ $# -lt 2 ] || [ "$(basename "$partition")" = "$2" ]
`;

const rule = (partition: number, arguments_: string, name: string) =>
  `SUBSYSTEM=="block", ATTR{partition}=="${partition}", PROGRAM="/usr/lib/piinit/own-disk ${arguments_}", SYMLINK+="piinit/${name}"\n`;

const udevRules = [
  rule(1, "%P", "boot"),
  rule(3, "%P", "data"),
  ...(["A", "B"] as const).flatMap((slot) => {
    const { partition } = slots[slot];
    return [rule(partition, "%P %k", "root"), rule(partition, "%P", path.basename(slotPartition(slot)))];
  }),
].join("");

const service = `[Unit]
Description=Partitions of this card
DefaultDependencies=no
After=systemd-udevd.service systemd-remount-fs.service
Wants=local-fs-pre.target
Before=local-fs-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/piinit/prepare-card
StandardOutput=journal+console
StandardError=journal+console
`;

const MiB = 1024 * 1024;
const sectorsPerMiB = 2048;

function prepare(disk: DiskLayout, { keepData, readOnlyRoot }: CardOptions): string {
  const { slotMiB, secondStartMiB, dataStartMiB } = cardLayout(disk);
  const dataStart = dataStartMiB * sectorsPerMiB;
  return `#!/bin/sh
# Uses the whole card: the root file system grows to ${slotMiB} MiB, data begins at ${dataStartMiB} MiB.
set -eu
disk=/dev/$(/usr/lib/piinit/own-disk)
case $disk in *[0-9]) part=\${disk}p ;; *) part=$disk ;; esac
data=\${part}3
refuse() {
  echo "$1"
  exit 1
}
${nameCard}
sectors=$(blockdev --getsz "$disk")
[ "$sectors" -ge ${dataStart + 256 * sectorsPerMiB} ] ||
  refuse "$disk has $((sectors / ${sectorsPerMiB})) MiB, but at least ${dataStartMiB + 256} are needed: use a card of 8 GB or more"
${readOnlyRoot && !disk.slots ? "" : growRoot(slotMiB, !readOnlyRoot)}
if [ ! -b "$data" ]; then
  [ ! -b "\${part}4" ] || refuse "\${part}4 was not made by this image: it is left alone. Write the image to the card again"
${keepData ? "" : forget(dataStartMiB)}  echo "$data: making the partition for data"
  echo 'start=${dataStart}, type=83' | sfdisk --quiet --append --force --no-reread --no-tell-kernel "$disk"
  partx --add --nr 3 "$disk"
elif [ "$(cat "/sys/class/block/\${data#/dev/}/start")" -ne ${dataStart} ]; then
  refuse "$data was not made by this image, which has its data at ${dataStartMiB} MiB: it is left alone. Write the image to the card again"
fi
${disk.slots ? makeSecondSlot(slotMiB, secondStartMiB) : ""}found=$(wipefs --noheadings --parsable --output TYPE,LABEL "$data")
case $found in
  ext4,data) ;;
  "")
    echo "$data: making the file system for data"
    mke2fs -q -t ext4 -m 0 -L data "$data"
    udevadm trigger --action=change "$data"
    ;;
  *) refuse "$data holds something else ($found): it is left alone, and there is no place for data. If nobody needs it: wipefs --all $data" ;;
esac
`;
}

/**
 * The number is in the partition table (bytes 440 to 443) and in the boot partition's files. The new one is first noted in
 * bytes 436 to 439, and our initial RAM disk accepts either, so a power cut at any moment leaves a card that is found.
 * Another initial RAM disk may have mounted a copy of the card by mistake.
 */
const nameCard = `number_at() { od -An -tx4 -j "$1" -N 4 "$2" | tr -d ' '; }
number=$(number_at 440 "$disk")
if [ ! -e /run/piinit/root ]; then
  for other in /sys/block/*; do
    other=/dev/\${other##*/}
    [ "$other" = "$disk" ] || [ "$(number_at 440 "$other" 2>/dev/null)" != "$number" ] ||
      refuse "$other is a copy of the card $disk, and it can't be told which of them was booted: take one out"
  done
fi
next=$(number_at 436 "$disk")
while [ "$number" = ${freshDiskId.toString(16)} ] && [ "$next" = 00000000 ]; do
  dd if=/dev/urandom of="$disk" bs=1 seek=436 count=4 conv=notrunc,fsync status=none
  next=$(number_at 436 "$disk")
done
if [ "$next" != 00000000 ] && [ "$next" != "$number" ]; then
  echo "$disk: this card is number $next"
  boot=/run/piinit/boot
  mkdir -p "$boot"
  mount -t vfat "\${part}1" "$boot"
  for file in "$boot/cmdline.txt" "$boot"/[AB]/cmdline.txt "$boot"/loader/entries/*.conf; do
    [ -e "$file" ] || continue
    grep -bo "PARTUUID=$number-" "$file" | while IFS=: read -r at _; do
      printf %s "$next" | dd of="$file" bs=1 seek="$((at + 9))" conv=notrunc,fsync status=none
    done
  done
  umount "$boot"
  dd if="$disk" of="$disk" bs=1 skip=436 seek=440 count=4 conv=notrunc,fsync status=none
fi`;

/** Erases the traces of what the card held before, so that none shows up in the new partition. */
const forget = (
  startMiB: number,
) => `  dd if=/dev/zero of="$disk" bs=1M seek=${startMiB} count=1 conv=fsync,notrunc status=none
  dd if=/dev/zero of="$disk" bs=512 seek=$((sectors - ${sectorsPerMiB})) count=${sectorsPerMiB} conv=fsync,notrunc status=none
`;

/** Behind the data partition in the table, which has number 3; before it on the disk. */
const makeSecondSlot = (slotMiB: number, startMiB: number) => `if [ ! -b "\${part}4" ]; then
  echo "\${part}4: making the partition for updates"
  echo 'start=${startMiB * sectorsPerMiB}, size=${slotMiB * sectorsPerMiB}, type=83' |
    sfdisk --quiet --append --force --no-reread --no-tell-kernel "$disk"
  partx --add --nr 4 "$disk"
fi
`;

const growRoot = (slotMiB: number, withFiles: boolean) => `root=\${part}2
if [ "$(blockdev --getsz "$root")" -lt ${slotMiB * sectorsPerMiB} ]; then
  echo "$root: growing to ${slotMiB} MiB"
  echo ',${slotMiB}MiB' | sfdisk --quiet --partno 2 --force --no-reread --no-tell-kernel "$disk"
  partx --update --nr 2 "$disk"
${withFiles ? '  resize2fs "$root"\n' : ""}fi
`;
