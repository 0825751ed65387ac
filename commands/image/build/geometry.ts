import type { DiskLayout } from "../manifest.ts";

const MiB = 1024 * 1024;
const sectorBytes = 512;
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

export interface Extent {
  /** Bytes from the start of the disk. */
  offset: number;
  bytes: number;
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

const linux = 0x83;
/** Partition types of the FAT partition, by what reads it: FAT32, or UEFI's own. */
const bootTypes: Readonly<Record<DiskLayout["firmware"], number>> = { "raspberry-pi": 0x0c, uefi: 0xef, none: 0x0c };

/** The disk's first sector: an MBR partition table, the FAT partition marked as active. */
export function masterBootRecord(geometry: Geometry, diskId: number): Buffer {
  const sector = Buffer.alloc(sectorBytes);
  sector.writeUInt32LE(diskId, 440);
  writePartition(sector, 446, geometry.boot, geometry.bootType, true);
  writePartition(sector, 462, geometry.root, linux, false);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

function writePartition(sector: Buffer, at: number, extent: Extent, type: number, active: boolean): void {
  // Cylinders, heads and sectors are of no use to anything alive: the values that say so.
  const noChs = 0xfffffe;
  sector.writeUInt8(active ? 0x80 : 0, at);
  sector.writeUIntLE(noChs, at + 1, 3);
  sector.writeUInt8(type, at + 4);
  sector.writeUIntLE(noChs, at + 5, 3);
  sector.writeUInt32LE(extent.offset / sectorBytes, at + 8);
  sector.writeUInt32LE(extent.bytes / sectorBytes, at + 12);
}
