import { type Contribution, enable, file, mask, script } from "../manifest/contribution.ts";
import type { DiskLayout } from "../manifest/manifest.ts";
import { ownPartitions } from "./card.ts";

/** The system in every image: networking by systemd, logs in memory, a data file system that survives a new image. */
export function system({ readOnlyRoot, disk }: { readOnlyRoot: boolean; disk: DiskLayout }): Contribution {
  return {
    packages: [
      "ca-certificates",
      "dbus",
      "e2fsprogs",
      "iproute2",
      "kmod",
      "procps",
      "systemd-resolved",
      "systemd-sysv",
      "udev",
    ],
    directories: [{ path: "/data", mode: "0755", owner: "root" }],
    files: [
      file("/etc/fstab", fstab(disk, readOnlyRoot)),
      file("/etc/systemd/journald.conf.d/memory.conf", journald),
      file("/etc/sysctl.d/50-panic.conf", sysctl),
      file("/etc/systemd/system/emergency.service.d/reboot.conf", noEmergencyShell),
      script("/usr/lib/piinit/write-durably", writeDurably),
    ],
    links: [
      enable("systemd-networkd.service", "multi-user.target"),
      enable("systemd-resolved.service", "multi-user.target"),
      { path: "/etc/resolv.conf", target: "../run/systemd/resolve/stub-resolv.conf" },
      ...masked.map(mask),
      ...maskedGenerators.map((name) => ({ path: `/etc/systemd/system-generators/${name}`, target: "/dev/null" })),
    ],
  };
}

/** Mounts nothing by label, because other disks may have file systems with the same one. */
function fstab({ grows }: DiskLayout, readOnlyRoot: boolean): string {
  const { root, data } = grows ? ownPartitions : { root: "/dev/vda2", data: "/dev/vdb" };
  const prepared = grows ? ",x-systemd.requires=prepare-card.service" : "";
  return [
    ...(readOnlyRoot ? [] : [`${root} / ext4 noatime,errors=remount-ro 0 1\n`]),
    // nodelalloc writes a file's content before its name, so a power cut leaves no empty files.
    `${data} /data ext4 noatime,nodelalloc,x-systemd.device-timeout=5min${prepared} 0 2\n`,
  ].join("");
}

const journald = `[Journal]
Storage=volatile
RuntimeMaxUse=32M
`;

// A machine without a screen and keyboard must recover by itself.
const sysctl = `kernel.panic = 10
kernel.panic_on_oops = 1
`;

/**
 * Maintenance that an image rebuilt for every change doesn't need, services for hardware that servers don't use, and
 * anything else that would write to the card now and then.
 */
const masked = [
  "apt-daily-upgrade.timer",
  "apt-daily.timer",
  "dev-hugepages.mount",
  "dphys-swapfile.service",
  "dpkg-db-backup.timer",
  "e2scrub_all.timer",
  "e2scrub_reap.service",
  "fstrim.timer",
  "ldconfig.service",
  "logrotate.timer",
  "man-db.timer",
  "modprobe@configfs.service",
  "modprobe@drm.service",
  "modprobe@efi_pstore.service",
  "modprobe@fuse.service",
  // No swap, even if the base image or a package sets it up: a card is too slow for it, and wears out.
  "swap.target",
  "sys-fs-fuse-connections.mount",
  "sys-kernel-config.mount",
  "sys-kernel-debug.mount",
  "sys-kernel-tracing.mount",
  "systemd-firstboot.service",
  // take-name (identity.ts) sets the host name; networkd would start this for nothing.
  "systemd-hostnamed.service",
  "systemd-hostnamed.socket",
  "systemd-hwdb-update.service",
  "systemd-journal-catalog-update.service",
  "systemd-networkd-wait-online.service",
  // They write the radio's state to the card and restore a radio that was switched off.
  "systemd-rfkill.service",
  "systemd-rfkill.socket",
  "systemd-udev-load-credentials.service",
];

/** They search the hardware on every boot for what no image has, or start a login that nobody has a password for. */
const maskedGenerators = [
  "systemd-cryptsetup-generator",
  "systemd-getty-generator",
  "systemd-gpt-auto-generator",
  "systemd-hibernate-resume-generator",
  "systemd-ssh-generator",
  "systemd-tpm2-generator",
];

// Nobody sits at the console, so a file system that can't be mounted or repaired is tried again after a reboot.
const noEmergencyShell = `[Service]
ExecStart=
ExecStart=/bin/sh -c 'sleep 60; systemctl --force reboot'
`;

const writeDurably = `#!/bin/sh
# write-durably FILE: replaces FILE with standard input so that a power cut leaves the old or the new one, never less.
set -eu
umask 077
mkdir -p "$(dirname "$1")"
cat >"$1.new"
sync "$1.new"
mv "$1.new" "$1"
sync "$(dirname "$1")"
`;
