import { z } from "zod";
import { architectures } from "../../../lib/architecture.ts";
import { type ToolName, versions } from "../../../toolchain/versions.ts";

/** Octal digits, e.g. "0750". */
const mode = z.string().regex(/^[0-7]{3,4}$/);

const debianBase = z.strictObject({
  distribution: z.literal("debian"),
  suite: z.string(),
  /** Of Debian's archive, e.g. "non-free-firmware"; "main" is always there. */
  components: z.array(z.string()),
  /** Packages that come from the suite's backports. */
  backports: z.array(z.string()),
  /** Where the packages of one moment are, ".../ARCHIVE/20260801T000000Z" with Debian's names for ARCHIVE; else the newest are taken. */
  snapshot: z.string().exactOptional(),
});

const imageBase = z.strictObject({
  /** An address (http or https) or a path on the machine that builds: .img, .img.xz or .img.zst. */
  image: z.string(),
  /** Of that file, hex. */
  sha256: z.string(),
});

const program = z.strictObject({
  /** The toolchain's name of it, e.g. "consul". */
  name: z.enum(Object.keys(versions) as [ToolName, ...ToolName[]]),
  version: z.string(),
  /** Where it stands in the image, e.g. /usr/local/bin/consul; root, 0755. */
  path: z.string(),
});

const user = z.strictObject({
  name: z.string(),
  /** User and group number, the same in every image (800 to 899 are ours). */
  id: z.int(),
  home: z.string(),
});

/** The owner is a user of `users` or of the image's own /etc/passwd. */
const directory = z.strictObject({ path: z.string(), mode, owner: z.string() });

const textFile = directory.extend({ text: z.string() });

const link = z.strictObject({ path: z.string(), target: z.string() });

/**
 * A file of the FAT partition: a text, in which "COMMANDLINE" is the kernel's command line, a copy of a file that a
 * package brought, or all device trees of the kernel whose names begin with one of these, e.g. "bcm2711-rpi-".
 */
const bootFile = z.union([
  z.strictObject({ path: z.string(), text: z.string() }),
  z.strictObject({ path: z.string(), copyOf: z.string() }),
  z.strictObject({ deviceTrees: z.array(z.string()) }),
]);

const boot = z.strictObject({
  /** Kernel modules that the initial RAM disk loads before it mounts the root file system. */
  modules: z.array(z.string()),
  /** The kernel's command line, without the root= that the builder adds. */
  commandLine: z.string(),
  /** What the firmware wants on the FAT partition beside vmlinuz, initrd.img and cmdline.txt. */
  files: z.array(bootFile),
  /** Lines at the end of a Raspberry Pi's config.txt. */
  config: z.array(z.string()).exactOptional(),
});

const diskLayout = z.strictObject({
  /** What reads the FAT partition: it decides the partition's type. */
  firmware: z.enum(["raspberry-pi", "uefi", "none"]),
  /** Size of the FAT partition with kernel and initial RAM disk, MiB. */
  bootMiB: z.int(),
  /** Size of the root partition on the machine, MiB. */
  rootMiB: z.int(),
  /** The image has a root partition as small as its files allow, and the machine makes it larger on its first boot. */
  grows: z.boolean(),
});

/** The builder checks what it is given by this. */
export const manifestSchema = z.strictObject({
  /** Of this structure; a change of the builder that changes images for equal manifests raises it. */
  format: z.literal(1),
  /** The image's name in the stack, e.g. "server". */
  name: z.string(),
  board: z.string(),
  architecture: z.enum(architectures),
  base: z.union([debianBase, imageBase]),
  /** Debian packages beside the base system, the kernel included; sorted, without repeats. */
  packages: z.array(z.string()),
  /** Programs from the toolchain, copied into the image. */
  programs: z.array(program),
  /** System users (and groups of the same name and number) to append to those that the packages made. */
  users: z.array(user),
  /** Parents before children; a parent that is not named and does not exist is made as root, 0755. */
  directories: z.array(directory),
  /** Text files; one that exists is replaced. */
  files: z.array(textFile),
  /** Symbolic links; enabled and masked systemd units are links too. One that exists is replaced. */
  links: z.array(link),
  boot,
  disk: diskLayout,
});

/**
 * Everything that makes an image, and nothing else: equal manifests give equal images.
 * It carries secrets (the gossip keys), so it is itself a secret: it travels on standard input only.
 */
export type Manifest = z.output<typeof manifestSchema>;

export type DebianBase = z.output<typeof debianBase>;

/** An image of a card, such as Raspberry Pi OS Lite: its kernel, firmware and packages stay, the manifest's come on top. */
export type ImageBase = z.output<typeof imageBase>;

/** What an image is made from: Debian's packages, or an image that somebody else made. */
export type Base = DebianBase | ImageBase;

/** A manifest whose base is known to be of that kind. */
export type ManifestOf<Kind extends Base> = Manifest & { base: Kind };

export type Program = z.output<typeof program>;
export type User = z.output<typeof user>;
export type Directory = z.output<typeof directory>;
export type TextFile = z.output<typeof textFile>;
export type Link = z.output<typeof link>;
export type Boot = z.output<typeof boot>;
export type BootFile = z.output<typeof bootFile>;
export type DiskLayout = z.output<typeof diskLayout>;

/** What an image is made of, each from the one before it. */
export const layers = ["base", "packages", "programs", "image"] as const;

export type Layer = (typeof layers)[number];

/** The programs of the toolchain that the image holds. */
export const programsOf = ({ programs, architecture }: Manifest) =>
  programs.map(({ name }) => ({ name, architecture }));
