import type { Manifest } from "./manifest.ts";

/**
 * A disk with slots has each kernel, with its initial RAM disk, command line and device trees, in a folder of the FAT
 * partition that is called like the slot, and its root file system in the slot's partition. Data is in partition 3.
 */
export const slots = { A: { partition: 2 }, B: { partition: 4 } } as const;

export type Slot = keyof typeof slots;

/** The slot that an image has; the other one is for its updates. */
export const firstSlot: Slot = "A";

/** Its folder on the FAT partition. */
export const slotFolder = `${firstSlot}/`;

/** In the root file system: what the FAT partition has in a slot's folder, for the machine to copy when it takes the root as an update. */
export const kernelFolder = "/boot/piinit";

/** By this RAUC knows, as do our scripts, which slot runs. */
export const slotWord = (slot: Slot): string => `rauc.slot=${slot}`;

/** On a Raspberry Pi: makes the initial RAM disk put back the slot that is known to work, as its first act. */
export const trialWord = "piinit.trial";

/** What a machine must be for its RAUC to take an update. */
export const compatibleWith = ({ name, board }: Pick<Manifest, "name" | "board">): string => `${name} on ${board}`;

/** For shell scripts of a machine: the boot partition, which is mounted only while it is used. */
export const mountBoot = `boot=/run/piinit/boot.$$
mount_boot() {
  mkdir -p "$boot"
  mount -t vfat -o umask=077 /dev/piinit/boot "$boot"
}
unmount_boot() {
  umount "$boot"
  rmdir "$boot"
}`;

/** For shell scripts of a machine: the slot that runs. */
export const ownSlot = `read -r words </proc/cmdline
own=\${words##*rauc.slot=}
own=\${own%% *}
other_than() { case $1 in A) echo B ;; B) echo A ;; esac; }`;
