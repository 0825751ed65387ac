import { type Extent, MiB } from "../../../formats/units.ts";
import type { DiskLayout } from "./manifest.ts";

/** Room before the first partition: boot loaders of some boards stand there. */
const startMiB = 4;

/** "piin": the number of a disk that was never booted, the same in every build. The first boot gives it one of its own. */
export const freshDiskId = 0x7069696e;

/**
 * The root file system as the kernel's command line names it: on the disk with that number, or, where nothing but the
 * machine's own disks can be, by its place.
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

/** Where the two partitions are; `rootBytes` is the size of a root partition that the machine is to make larger. */
export function diskGeometry(layout: DiskLayout, rootBytes = layout.rootMiB * MiB): Geometry {
  const boot = { offset: startMiB * MiB, bytes: layout.bootMiB * MiB };
  const root = { offset: boot.offset + boot.bytes, bytes: rootBytes };
  return { bootType: bootTypes[layout.firmware], boot, root, bytes: root.offset + root.bytes };
}

/** Partition types of the FAT partition, by what reads it: FAT32, or UEFI's own. */
const bootTypes: Readonly<Record<DiskLayout["firmware"], number>> = { "raspberry-pi": 0x0c, uefi: 0xef, none: 0x0c };
