import { z } from "zod";
import { architectures } from "../../../lib/architecture.ts";
import { type ToolName, versions } from "../../../toolchain/versions.ts";

/** Octal digits, e.g. "0750". */
const mode = z.string().regex(/^[0-7]{3,4}$/);

const debianBase = z.strictObject({
  distribution: z.literal("debian"),
  suite: z.string(),
  /** Of Debian's archive, e.g. "non-free-firmware", in addition to "main". */
  components: z.array(z.string()),
  /** Packages that come from the suite's backports. */
  backports: z.array(z.string()),
  /** The archive at one moment, ".../ARCHIVE/20260801T000000Z" with Debian's names for ARCHIVE; without it, the newest packages. */
  snapshot: z.string().exactOptional(),
  /** When the newest packages were last asked for. */
  refreshed: z.string().exactOptional(),
});

const imageBase = z.strictObject({
  /** An address (http or https) or a path on the machine that builds: .img, .img.xz or .img.zst. */
  image: z.string(),
  /** Of that file, hex. */
  sha256: z.string(),
});

const program = z.strictObject({
  /** Its name in the toolchain, e.g. "consul". */
  name: z.enum(Object.keys(versions) as [ToolName, ...ToolName[]]),
  version: z.string(),
  /** In the image, e.g. /usr/local/bin/consul; root, 0755. */
  path: z.string(),
});

const user = z.strictObject({
  name: z.string(),
  /** User and group ID, the same in every image (800 to 899 are ours). */
  id: z.int(),
  home: z.string(),
});

/** The owner is a user of `users` or of the image's own /etc/passwd. */
const directory = z.strictObject({ path: z.string(), mode, owner: z.string() });

const textFile = directory.extend({ text: z.string() });

const link = z.strictObject({ path: z.string(), target: z.string() });

/**
 * A file of the FAT partition: a text, in which "COMMANDLINE" stands for the kernel's command line; a copy of a package's
 * file; or all device trees of the kernel with one of these prefixes, e.g. "bcm2711-rpi-", which belong to the kernel's slot.
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
  /** The firmware's files on the FAT partition, in addition to vmlinuz, initrd.img and cmdline.txt. */
  files: z.array(bootFile),
  /** Lines to append to a Raspberry Pi's config.txt. */
  config: z.array(z.string()).exactOptional(),
});

const diskLayout = z.strictObject({
  /** What reads the FAT partition, which determines its type. */
  firmware: z.enum(["raspberry-pi", "uefi", "none"]),
  /** Size of the FAT partition with kernel and initial RAM disk, MiB. */
  bootMiB: z.int(),
  /** Size of the root partition on the machine, MiB. */
  rootMiB: z.int(),
  /** Whether the root partition is as small as its files allow in the image, and grows on the first boot. */
  grows: z.boolean(),
  /** There is a second kernel and root partition, to be written while the first one runs. Without, there is one of each. */
  slots: z.literal(2).exactOptional(),
});

const signer = z.strictObject({
  /** PEM. Machines take what it has signed. */
  certificate: z.string(),
  /** PKCS #8 as PEM: a secret that no image has in it. */
  key: z.string(),
});

/** The builder checks its input with this. */
export const manifestSchema = z.strictObject({
  /** Version of this structure. */
  format: z.literal(1),
  /** The image's name in the stack, e.g. "server". */
  name: z.string(),
  board: z.string(),
  architecture: z.enum(architectures),
  base: z.union([debianBase, imageBase]),
  /** Debian packages in addition to the base system, including the kernel; sorted, without duplicates. */
  packages: z.array(z.string()),
  /** Programs from the toolchain, copied into the image. */
  programs: z.array(program),
  /** System users, each with a group of the same name and ID, in addition to those of the packages. */
  users: z.array(user),
  /** Parents before children. Missing parents are created as root, 0755. */
  directories: z.array(directory),
  /** Text files. They replace existing ones. */
  files: z.array(textFile),
  /** Symbolic links, including those that enable and mask systemd units. They replace existing ones. */
  links: z.array(link),
  boot,
  disk: diskLayout,
  /** Signs the image's update. Missing: the image has none. */
  signer: signer.exactOptional(),
});

/**
 * Everything that determines an image: equal manifests give equal images.
 * It contains secrets such as the gossip keys, so it is passed on standard input only.
 */
export type Manifest = z.output<typeof manifestSchema>;

export type DebianBase = z.output<typeof debianBase>;

/** An image of a card, such as Raspberry Pi OS Lite. It keeps its kernel, firmware and packages; the manifest adds its own. */
export type ImageBase = z.output<typeof imageBase>;

/** What an image is made from: Debian's packages, or an existing image. */
export type Base = DebianBase | ImageBase;

/** A manifest with that kind of base. */
export type ManifestOf<Kind extends Base> = Manifest & { base: Kind };

export type Program = z.output<typeof program>;
export type User = z.output<typeof user>;
export type Directory = z.output<typeof directory>;
export type TextFile = z.output<typeof textFile>;
export type Link = z.output<typeof link>;
export type Boot = z.output<typeof boot>;
export type BootFile = z.output<typeof bootFile>;
export type DiskLayout = z.output<typeof diskLayout>;
export type Signer = z.output<typeof signer>;

/** The layers of an image, each made from the one before it. */
export const layers = ["base", "packages", "programs", "image"] as const;

export type Layer = (typeof layers)[number];

/** The image's programs from the toolchain. */
export const programsOf = ({ programs, architecture }: Manifest) =>
  programs.map(({ name }) => ({ name, architecture }));
