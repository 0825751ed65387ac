/** A drive as its system lists it: a card in a reader, a USB stick, a disk that is built in. */
export interface Drive {
  /** "/dev/sdb", "/dev/disk4" */
  path: string;
  /** What it is written through, past the system's cache where there is such a way: "/dev/rdisk4" on macOS. */
  writePath: string;
  /** Maker and model, or "". */
  model: string;
  /** 0 for a reader without a card. */
  bytes: number;
  /** "usb", "mmc", "nvme" …, or "". */
  bus: string;
  /** Made to be taken out: what may be offered. */
  isRemovable: boolean;
  isReadOnly: boolean;
  /** A file that the system shows as a drive (a loop device). */
  isImage: boolean;
  /** Of everything that is on it: partitions, and what is made of them by way of encryption, RAID or volumes. */
  mounts: Mount[];
  /** All other devices on it. */
  parts: string[];
}

export interface Mount {
  device: string;
  /** The folder, or "[SWAP]". */
  at: string;
}

export interface Limits {
  /** Drives that are larger are taken for disks with somebody's data. */
  maxBytes: number;
}

/** Where systems and people mount what is only passing through. */
const passing = /^\/(media|run\/media|mnt|Volumes)(\/|$)/;
const system = /^(\/|\/(bin|boot|dev|efi|etc|home|lib|nix|opt|root|sbin|snap|srv|usr|var|System|private)(\/.*)?)$/;

/** Why nothing may be written to the drive, as the end of a sentence that begins with its name; undefined when it may. */
export function refusal(drive: Drive, imageBytes: number | undefined, { maxBytes }: Limits): string | undefined {
  return (
    inUse(drive.mounts) ??
    (drive.isRemovable || drive.isImage ? undefined : "is no card or USB drive: it is built into this computer") ??
    (drive.bytes > 0 ? undefined : "has no card in it") ??
    (drive.isReadOnly ? "is write-protected: cards have a little switch for that at their side" : undefined) ??
    sizeRefusal(drive.bytes, imageBytes, maxBytes)
  );
}

function inUse(mounts: readonly Mount[]): string | undefined {
  const kept = mounts.filter(({ at }) => !passing.test(at));
  if (kept.some(({ at }) => at === "[SWAP]")) return "is a disk of this system: its swap is there";
  const ofSystem = kept.find(({ at }) => system.test(at));
  if (ofSystem) return `is a disk of this system: ${ofSystem.at} is there`;
  const other = kept[0];
  return other && `is in use: ${other.device} is mounted at ${other.at}. Unmount it first`;
}

function sizeRefusal(bytes: number, imageBytes: number | undefined, maxBytes: number): string | undefined {
  if (bytes > maxBytes) {
    return `has ${size(bytes)}, which is more than a card has (${size(maxBytes)}): with --allow-large it is written all the same`;
  }
  if (imageBytes !== undefined && bytes < imageBytes) {
    return `has ${size(bytes)}, but the image needs ${size(imageBytes)}`;
  }
  return undefined;
}

/** Bytes as the makers of drives count them: "31.9 GB". */
export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** One line for a person who has to recognize it. */
export function describeDrive({ path, model, bytes, bus, mounts }: Drive): string {
  const mounted = mounts.length > 0 ? `mounted at ${mounts.map(({ at }) => at).join(", ")}` : "not mounted";
  return [
    path,
    bytes > 0 ? size(bytes) : "empty",
    bus.toUpperCase() || "unknown bus",
    model || "no name",
    mounted,
  ].join("  ");
}

/** Whether it is still the drive that was looked at before, and not another one under the same name. */
export const isSameDrive = (one: Drive, other: Drive): boolean =>
  one.path === other.path && one.bytes === other.bytes && one.model === other.model && one.bus === other.bus;
