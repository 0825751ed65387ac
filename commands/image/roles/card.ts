import { diskGeometry } from "../build/geometry.ts";
import { type Contribution, combine, script, unit } from "../contribution.ts";
import type { DiskLayout } from "../manifest.ts";

export interface CardOptions {
  /** Take over the data that an earlier image left on the card. */
  keepData: boolean;
  /** The root file system is not grown when nothing is ever written to it. */
  readOnlyRoot: boolean;
}

/**
 * The first boot on a card or disk, of which the image fills only the beginning: the root file system grows to its slot,
 * and what is left behind the second slot becomes the data file system. Safe to be cut off at any point and to repeat.
 */
export function card(disk: DiskLayout, options: CardOptions): Contribution {
  return combine(
    { packages: ["e2fsprogs", "fdisk"], files: [script("/usr/lib/piinit/prepare-card", prepare(disk, options))] },
    unit("prepare-card.service", service, "local-fs.target"),
  );
}

/**
 * Sizes of a card: the image has the boot partition and the first slot's file system, as small as it can be. The second
 * slot is left empty, for a system that comes over the network one day.
 */
export function cardLayout(disk: DiskLayout): { slotMiB: number; dataStartMiB: number } {
  const { root } = diskGeometry(disk);
  const slotMiB = disk.rootMiB;
  return { slotMiB, dataStartMiB: root.offset / MiB + 2 * slotMiB };
}

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
`;

const MiB = 1024 * 1024;
const sectorsPerMiB = 2048;

function prepare(disk: DiskLayout, { keepData, readOnlyRoot }: CardOptions): string {
  const { slotMiB, dataStartMiB } = cardLayout(disk);
  const dataStart = dataStartMiB * sectorsPerMiB;
  return `#!/bin/sh
# Uses the whole card: the root file system grows to ${slotMiB} MiB, data begins at ${dataStartMiB} MiB.
set -eu
root=$(blkid -L root)
disk=$(lsblk -npo PKNAME "$root")
case $disk in *[0-9]) part=\${disk}p ;; *) part=$disk ;; esac
data=\${part}3
sectors=$(blockdev --getsz "$disk")
if [ "$sectors" -lt ${dataStart + 256 * sectorsPerMiB} ]; then
  echo "$disk has $((sectors / ${sectorsPerMiB})) MiB, but at least ${dataStartMiB + 256} are needed: use a card of 8 GB or more"
  exit 1
fi
${readOnlyRoot ? "" : growRoot(slotMiB)}
if [ ! -b "$data" ]; then
${keepData ? "" : `  # What an earlier image left there is forgotten before the partition appears.\n  dd if=/dev/zero of="$disk" bs=1M seek=${dataStartMiB} count=1 conv=fsync,notrunc status=none\n`}  echo "$data: making the partition for data"
  echo 'start=${dataStart}, type=83' | sfdisk --quiet --append --force --no-reread --no-tell-kernel "$disk"
  partx --add --nr 3 "$disk"
fi
if [ "$(blkid -p -o value -s LABEL "$data" || true)" != data ]; then
  echo "$data: making the file system for data"
  mke2fs -q -F -t ext4 -m 0 -L data "$data"
  udevadm trigger --action=change "$data"
fi
`;
}

const growRoot = (slotMiB: number) => `if [ "$(blockdev --getsz "$root")" -lt ${slotMiB * sectorsPerMiB} ]; then
  echo "$root: growing to ${slotMiB} MiB"
  echo ',${slotMiB}MiB' | sfdisk --quiet --partno 2 --force --no-reread --no-tell-kernel "$disk"
  partx --update --nr 2 "$disk"
  resize2fs "$root"
fi
`;
