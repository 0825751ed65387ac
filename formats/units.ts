export const KiB = 1024;
export const MiB = 1024 * KiB;

/** The unit in which a partition table counts; disks with larger sectors still report this one. */
export const sectorBytes = 512;

/** A stretch of a disk or a file. */
export interface Extent {
  /** Bytes from the start. */
  offset: number;
  bytes: number;
}
