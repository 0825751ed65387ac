import type { Architecture } from "../../../lib/architecture.ts";
import type { Boot, DiskLayout, TextFile } from "../manifest/manifest.ts";

/** What a board adds to an image: the kernel, how it boots, and the disk that its firmware expects. */
export interface Board {
  /** The models that one image fits, as docs/hardware.md lists them. */
  models: string;
  architecture: Architecture;
  packages: string[];
  /** Those of them that come from Debian's backports. */
  backports?: string[];
  /** Of Debian's archive, beside "main". */
  components: string[];
  files: TextFile[];
  boot: Boot;
  disk: DiskLayout;
  /** Who knows the time when it gets power: a battery, nobody, or the host of a virtual machine, at any moment. */
  clock: "battery" | "none" | "host";
  /** A machine of the lab. */
  isVirtual?: boolean;
}

export const isRaspberryPi = ({ disk }: Board): boolean => disk.firmware === "raspberry-pi";

/** Words for every kernel: repair file systems, keep the names of network cards, start again after a panic. */
export const commonWords = "fsck.repair=yes net.ifnames=0 panic=10";

/**
 * A card or disk that is larger than the image. Behind the root partition is room for a second one of that size, then
 * come the data: all of it fits on a card of 8 GB.
 */
export const card = { bootMiB: 128, rootMiB: 3072, grows: true };
