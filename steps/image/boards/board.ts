import type { Architecture } from "../../../lib/architecture.ts";
import type { Boot, DiskLayout, TextFile } from "../manifest/manifest.ts";

/** What a board adds to an image: its kernel, how it boots, and the disk layout that its firmware expects. */
export interface Board {
  /** The models that the image fits, for docs/hardware.md. */
  models: string;
  architecture: Architecture;
  packages: string[];
  /** Those of the packages that come from Debian's backports. */
  backports?: string[];
  /** Of Debian's archive, in addition to "main". */
  components: string[];
  files: TextFile[];
  boot: Boot;
  disk: DiskLayout;
  /** What keeps the time without power: a battery, nothing, or the host of a virtual machine. */
  clock: "battery" | "none" | "host";
  /** A machine of the lab. */
  isVirtual?: boolean;
}

export const isRaspberryPi = ({ disk }: Board): boolean => disk.firmware === "raspberry-pi";

/** The kernel's command line on every board: repair file systems, keep the kernel's names of network cards, restart after a panic. */
export const commonWords = "fsck.repair=yes net.ifnames=0 panic=10";

/**
 * The layout of a card or disk larger than the image: after the root partition comes a second one of the same size, then
 * the data partition. All of it fits on a card of 8 GB.
 */
export const card = { bootMiB: 256, rootMiB: 3008, grows: true, slots: 2 } as const;
