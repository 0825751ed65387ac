import { type Extent, MiB } from "../../../formats/units.ts";
import type { DiskLayout } from "./manifest.ts";

/** Space before the first partition, where some boards have their boot loader. */
const startMiB = 4;

/** "piin": the number of every disk before its first boot, which replaces it with a unique one. */
export const freshDiskId = 0x7069696e;

/**
 * The root file system for the kernel's command line: by the disk's number, or in the lab, whose machines have no other
 * disks, by its device.
 */
export function rootDevice({ firmware }: DiskLayout): string {
  return firmware === "none" ? "/dev/vda2" : `PARTUUID=${freshDiskId.toString(16)}-02`;
}

export interface Geometry {
  bootType: number;
  boot: Extent;
  root: Extent;
  /** Size of the whole disk, bytes. */
  bytes: number;
}

/** The positions of the two partitions. @param rootBytes size of a root partition that grows on the machine */
export function diskGeometry(layout: DiskLayout, rootBytes = layout.rootMiB * MiB): Geometry {
  const boot = { offset: startMiB * MiB, bytes: layout.bootMiB * MiB };
  const root = { offset: boot.offset + boot.bytes, bytes: rootBytes };
  return { bootType: bootTypes[layout.firmware], boot, root, bytes: root.offset + root.bytes };
}

/** Types of the FAT partition by the firmware that reads it: FAT32, or UEFI's own. */
const bootTypes: Readonly<Record<DiskLayout["firmware"], number>> = { "raspberry-pi": 0x0c, uefi: 0xef, none: 0x0c };
