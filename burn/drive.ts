/** A drive as the operating system lists it: a card in a reader, a USB stick, an internal disk. */
export interface Drive {
  /** "/dev/sdb", "/dev/disk4" */
  path: string;
  /** The device to write to, which bypasses the system's cache on macOS: "/dev/rdisk4". */
  writePath: string;
  /** Vendor and model, or "". */
  model: string;
  /** 0 for a reader without a card. */
  bytes: number;
  /** "usb", "mmc", "nvme" …, or "". */
  bus: string;
  /** A card or USB drive, which may be offered as a target. */
  isRemovable: boolean;
  isReadOnly: boolean;
  /** A loop device. */
  isImage: boolean;
  /** Mounts of everything on it: partitions, and the encrypted, RAID or logical volumes built on them. */
  mounts: Mount[];
  /** Its partitions and the devices built on them. */
  parts: string[];
}

export interface Mount {
  device: string;
  /** The folder, or "[SWAP]". */
  at: string;
}

export interface Limits {
  /** Larger drives are probably not cards but disks with data. */
  maxBytes: number;
}

/** Where removable drives are mounted. */
const removableMounts = /^\/(media|run\/media|mnt|Volumes)(\/|$)/;
const system = /^(\/|\/(bin|boot|dev|efi|etc|home|lib|nix|opt|root|sbin|snap|srv|usr|var|System|private)(\/.*)?)$/;

/** Why the drive may not be written to, as a sentence that follows its name; undefined if it may. */
export function refusal(drive: Drive, imageBytes: number | undefined, { maxBytes }: Limits): string | undefined {
  return (
    inUse(drive.mounts) ??
    (drive.isRemovable || drive.isImage ? undefined : "is not a card or USB drive: it is built into this computer") ??
    (drive.bytes > 0 ? undefined : "has no card in it") ??
    (drive.isReadOnly ? "is write-protected: check the switch on the side of the card" : undefined) ??
    sizeRefusal(drive.bytes, imageBytes, maxBytes)
  );
}

function inUse(mounts: readonly Mount[]): string | undefined {
  const permanent = mounts.filter(({ at }) => !removableMounts.test(at));
  if (permanent.some(({ at }) => at === "[SWAP]")) return "is a disk of this system: its swap is there";
  const ofSystem = permanent.find(({ at }) => system.test(at));
  if (ofSystem) return `is a disk of this system: ${ofSystem.at} is there`;
  const other = permanent[0];
  return other && `is in use: ${other.device} is mounted at ${other.at}. Unmount it first`;
}

function sizeRefusal(bytes: number, imageBytes: number | undefined, maxBytes: number): string | undefined {
  if (bytes > maxBytes) {
    return `has ${size(bytes)}, more than the limit for cards (${size(maxBytes)}): add --allow-large to write to it anyway`;
  }
  if (imageBytes !== undefined && bytes < imageBytes) {
    return `has ${size(bytes)}, but the image needs ${size(imageBytes)}`;
  }
  return undefined;
}

/** Bytes in decimal units, as on the label of a drive: "31.9 GB". */
export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** One line by which a person recognizes it. */
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

/** Whether two listings show the same drive, and not another one under the same name. */
export const isSameDrive = (one: Drive, other: Drive): boolean =>
  one.path === other.path && one.bytes === other.bytes && one.model === other.model && one.bus === other.bus;
