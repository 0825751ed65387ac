import type { Login } from "../../../lib/ssh.ts";
import type { ToolName } from "../../../toolchain/versions.ts";

/** Debian's names of the architectures that have a board. */
export type Architecture = "amd64" | "arm64" | "armhf" | "armel";

/**
 * Everything that makes an image, and nothing else: equal manifests give equal images.
 * It carries secrets (the gossip keys), so it is itself a secret: it travels on standard input only.
 */
export interface Manifest {
  /** Of this structure; a change of the builder that changes images for equal manifests raises it. */
  format: 1;
  /** The image's name in the stack, e.g. "server". */
  name: string;
  board: string;
  architecture: Architecture;
  base: Base;
  /** Debian packages beside the base system, the kernel included; sorted, without repeats. */
  packages: string[];
  /** Programs from the toolchain, copied into the image. */
  programs: Program[];
  /** System users (and groups of the same name and number) to append to those that the packages made. */
  users: User[];
  /** Parents before children; a parent that is not named and does not exist is made as root, 0755. */
  directories: Directory[];
  /** Text files; one that exists is replaced. */
  files: TextFile[];
  /** Symbolic links; enabled and masked systemd units are links too. One that exists is replaced. */
  links: Link[];
  boot: Boot;
  disk: DiskLayout;
}

/** What an image is made from: Debian's packages, or an image that somebody else made. */
export type Base = DebianBase | ImageBase;

export interface DebianBase {
  distribution: "debian";
  suite: string;
  /** Of Debian's archive, e.g. "non-free-firmware"; "main" is always there. */
  components: string[];
  /** Packages that come from the suite's backports. */
  backports: string[];
  /** Where the packages of one moment are, ".../ARCHIVE/20260801T000000Z" with Debian's names for ARCHIVE; else the newest are taken. */
  snapshot?: string;
}

/** An image of a card, such as Raspberry Pi OS Lite: its kernel, firmware and packages stay, the manifest's come on top. */
export interface ImageBase {
  /** An address (http or https) or a path on the machine that builds: .img, .img.xz or .img.zst. */
  image: string;
  /** Of that file, hex. */
  sha256: string;
}

/** A manifest whose base is known to be of that kind. */
export type ManifestOf<Kind extends Base> = Manifest & { base: Kind };

export interface Program {
  /** The toolchain's name of it, e.g. "consul". */
  name: ToolName;
  version: string;
  /** Where it stands in the image, e.g. /usr/local/bin/consul; root, 0755. */
  path: string;
}

export interface User {
  name: string;
  /** User and group number, the same in every image (800 to 899 are ours). */
  id: number;
  home: string;
}

/** A user's name from `users` or the image's own /etc/passwd. */
export type Owner = string;

export interface Directory {
  path: string;
  /** Octal digits, e.g. "0750". */
  mode: string;
  owner: Owner;
}

export interface TextFile extends Directory {
  text: string;
}

export interface Link {
  path: string;
  target: string;
}

export interface Boot {
  /** Kernel modules that the initial RAM disk loads before it mounts the root file system. */
  modules: string[];
  /** The kernel's command line, without the root= that the builder adds. */
  commandLine: string;
  /** What the firmware wants on the FAT partition beside vmlinuz, initrd.img and cmdline.txt. */
  files: BootFile[];
  /** Lines at the end of a Raspberry Pi's config.txt. */
  config?: string[];
}

/**
 * A file of the FAT partition: a text, in which "COMMANDLINE" is the kernel's command line, a copy of a file that a
 * package brought, or all device trees of the kernel whose names begin with one of these, e.g. "bcm2711-rpi-".
 */
export type BootFile = { path: string; text: string } | { path: string; copyOf: string } | { deviceTrees: string[] };

export interface DiskLayout {
  /** What reads the FAT partition: it decides the partition's type. */
  firmware: "raspberry-pi" | "uefi" | "none";
  /** Size of the FAT partition with kernel and initial RAM disk, MiB. */
  bootMiB: number;
  /** Size of the root partition on the machine, MiB. */
  rootMiB: number;
  /** The image has a root partition as small as its files allow, and the machine makes it larger on its first boot. */
  grows: boolean;
}

/** What an image is made of, each from the one before it. */
export const layers = ["base", "packages", "programs", "image"] as const;

export type Layer = (typeof layers)[number];

/** What the builder prints: the answer of `./piinit build --json` too. */
export interface BuiltImage {
  /** Absolute path of the raw disk image, mode 0600. */
  path: string;
  sha256: string;
  /** Apparent size. */
  bytes: number;
  seconds: number;
  /** The layers that came from the cache. */
  reused: readonly Layer[];
}

/** What the builder reads. */
export interface BuildRequest {
  manifest: Manifest;
  /** The folder that receives NAME-DIGEST.img and, beside it, NAME-DIGEST.contents.json. */
  outputDir: string;
  /** The machine that builds the image, a Linux; this one when there is none. */
  builder?: Login | undefined;
}

/** The programs of the toolchain that the image holds. */
export const programsOf = ({ programs, architecture }: Manifest) =>
  programs.map(({ name }) => ({ name, architecture }));
