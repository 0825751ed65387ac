import { digest } from "../../../lib/json.ts";
import { quoteCommand } from "../../../lib/shell.ts";
import { initScript } from "../boot/initrd.ts";
import { forBase, imageArguments } from "../existing/image-recipe.ts";
import { imageTime } from "../manifest/image-time.ts";
import type { DebianBase, Manifest, ManifestOf } from "../manifest/manifest.ts";

/** Raised when the code below the layers makes other bytes of equal inputs. */
const version = 3;

/** Packages that every image has because the builder itself counts on them. */
const basePackages = ["busybox-static", "e2fsprogs", "kmod", "systemd-sysv", "udev"];

const dpkgOptions = [
  "force-unsafe-io",
  ...["doc", "man", "locale", "info", "lintian"].map((folder) => `path-exclude=/usr/share/${folder}/*`),
  "path-include=/usr/share/doc/*/copyright",
];

const aptOptions = ['Acquire::Languages "none"', 'APT::Install-Recommends "false"'];

/** mmdebstrap's own default mirror is used: it knows the distribution's security updates too. */
function commonArguments(manifest: ManifestOf<DebianBase>): string[] {
  return [
    "--mode=unshare",
    `--architectures=${manifest.architecture}`,
    `--components=${["main", ...manifest.base.components].join(",")}`,
    ...aptOptions.map((option) => `--aptopt=${option}`),
    ...dpkgOptions.map((option) => `--dpkgopt=${option}`),
  ];
}

/** What mmdebstrap is told for a layer, apart from the hooks that fetch and keep downloads. */
export function baseArguments(manifest: ManifestOf<DebianBase>): string[] {
  return [
    ...commonArguments(manifest),
    "--variant=minbase",
    "--format=tar",
    `--include=${basePackages.join(",")}`,
    "--skip=essential/unlink",
  ];
}

/** Hooks that make the work quicker and change nothing of its result. */
export interface Between {
  unpacked: string[];
  upgraded: string[];
}

/**
 * The packages layer starts from the base layer's tar on file descriptor 5. The host's apt installs into it, with the
 * system's own dpkg, as mmdebstrap does itself; mmdebstrap contributes the name spaces, the mounts, the package lists
 * and the policy that no service starts.
 */
export function packagesArguments(
  manifest: ManifestOf<DebianBase>,
  between: Between = { unpacked: [], upgraded: [] },
): string[] {
  const { suite, backports } = manifest.base;
  const packages = manifest.packages.map((name) => (backports.includes(name) ? `${name}/${suite}-backports` : name));
  return [
    ...commonArguments(manifest),
    "--variant=custom",
    "--format=null",
    // Its clean-up would come after the file system has been made.
    "--skip=check/empty,cleanup",
    `--setup-hook=tar --extract --directory="$1" --exclude='./dev/*' <&5`,
    ...(backports.length > 0 ? [`--setup-hook=${backportsList(suite)}`] : []),
    ...between.unpacked,
    `--customize-hook=${apt("dist-upgrade")}`,
    ...between.upgraded,
    `--customize-hook=${apt("install", "--", ...packages)}`,
  ];
}

/** The same for an image that is made from another one, which lacks these packages. */
export function packagesOnImageArguments(missing: readonly string[]): string[] {
  return imageArguments(missing, dpkgOptions);
}

/**
 * Lines for a list of sources that hold the packages of one moment; none where the newest are taken, which mmdebstrap
 * knows how to find. The lists of that time say that they are out of date by now.
 */
export function sourceLines({ suite, components, snapshot }: DebianBase): string[] {
  if (snapshot === undefined) return [];
  const line = (archive: string, name: string) =>
    `deb [check-valid-until=no] ${snapshot.replace("ARCHIVE", archive)}/ ${name} ${["main", ...components].join(" ")}`;
  if (["sid", "unstable", "experimental"].includes(suite)) return [line("debian", suite)];
  return [line("debian", suite), line("debian", `${suite}-updates`), line("debian-security", `${suite}-security`)];
}

/** Backports are beside the suite, wherever that comes from. */
const backportsList = (suite: string) =>
  `cd "$1/etc/apt" && sed -n 's/ ${suite} / ${suite}-backports /p' sources.list >sources.list.d/backports.list`;

function apt(...words: string[]): string {
  const options = ["Dpkg::Use-Pty=0", "Dir::Bin::dpkg=env", "DPkg::Options::=--unset=TMPDIR", "DPkg::Options::=dpkg"];
  const command = quoteCommand("apt-get", ["--yes", ...options.flatMap((option) => ["-o", option])]);
  return `APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" ${command} -o DPkg::Chroot-Directory="$1" ${quoteCommand(words[0] ?? "", words.slice(1))}`;
}

/**
 * Turns the installed system into a file system: what belongs to one machine or one build goes, then mke2fs reads it.
 * File descriptor 3 is the file system's image, 4 takes the list of all files. `$1` is the system's folder.
 * mke2fs takes over when each file last changed in any way, which is the time of the build: debugfs sets it back.
 * A bind mount shows the system without what is mounted in it. Only that view loses what mmdebstrap itself still needs:
 * its configuration of apt in /tmp, without which apt would work on the host.
 */
const finishScript = `set -eu
cd "$1"
mv usr/sbin/start-stop-daemon.REAL usr/sbin/start-stop-daemon
sed -i /^force-unsafe-io/d etc/dpkg/dpkg.cfg.d/99mmdebstrap
rm -rf usr/sbin/policy-rc.d etc/apt/apt.conf.d/00mmdebstrap etc/hostname etc/.resolv.conf.* etc/ssh/ssh_host_* etc/*- run/* root/.[a-z]*_history
rm -rf var/lib/dbus/machine-id var/lib/systemd/random-seed var/cache/ldconfig
rm -rf boot/initrd.img* vmlinuz.old initrd.img* var/lib/dpkg/*-old var/cache/debconf/*-old
find var/log var/cache/apt var/lib/apt/lists -type f -delete
rm -rf var/cache/debconf/tmp.ci
[ -L etc/resolv.conf ] || rm -f etc/resolv.conf
: > etc/machine-id
touch etc/.updated var/.updated
mount --bind . mnt
mount -t tmpfs -o mode=755 tmpfs mnt/dev
mount -t tmpfs -o mode=1777 tmpfs mnt/tmp
cd mnt
find . -xdev -newermt "@$IMAGE_TIME" -exec touch --no-dereference --date="@$IMAGE_TIME" {} +
find . -mindepth 1 -printf '%y %m %U %G %s %P\\0%l\\0' >&4
mke2fs -q -F -t ext4 -b 4096 -I 256 -i 16384 -m 1 -J size=16 -O "none,$FEATURES" -L root -U "$ROOT_UUID" \\
  -E "hash_seed=$ROOT_UUID,root_owner=0:0,lazy_itable_init=1" -d . /proc/self/fd/3 "$ROOT_KIB"k
last=$((11 + $(find . -xdev -mindepth 1 -printf '%D:%i\n' | sort -u | wc -l)))
seq 12 "$last" | sed "s/.*/set_inode_field <&> ctime @$IMAGE_TIME\\nset_inode_field <&> atime @$IMAGE_TIME/" | debugfs -w -f - /proc/self/fd/3 >/dev/null 2>&1
cd ..
umount mnt/dev mnt/tmp mnt
`;

/** Named one by one, so that the version of e2fsprogs on the host makes no difference. */
const features = [
  "has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg",
  "sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum",
].join(",");

/** The last hook of the packages layer and the variables that it reads. */
export function finishHook(root: { bytes: number; uuid: string }) {
  return {
    argument: `--customize-hook=${finishScript}`,
    env: {
      IMAGE_TIME: String(imageTime),
      E2FSPROGS_FAKE_TIME: String(imageTime),
      FEATURES: features,
      ROOT_UUID: root.uuid,
      ROOT_KIB: String(root.bytes / 1024),
    },
  };
}

export interface LayerNames {
  base: string;
  packages: string;
  programs: string;
  image: string;
}

/** Each layer's name: what it is and the digest of all that it is made from. */
export function layerNames(manifest: Manifest): LayerNames {
  const { base, install } = forBase(manifest, {
    debian: (own) => ({ base: digest([version, own.base, baseArguments(own)]), install: packagesArguments(own) }),
    // Where the image comes from makes no difference.
    image: (own) => ({
      base: digest([version, own.base.sha256, own.architecture]),
      install: packagesOnImageArguments(own.packages),
    }),
  });
  const packages = digest([base, install, manifest.disk.rootMiB, finishScript, features, imageTime]);
  const programs = digest([packages, manifest.disk, manifest.programs, manifest.boot, initScript]);
  const image = digest([programs, manifest]);
  return {
    base: `base-${base.slice(0, 16)}`,
    packages: `packages-${packages.slice(0, 16)}`,
    programs: `programs-${programs.slice(0, 16)}`,
    image: `${manifest.name}-${image.slice(0, 16)}`,
  };
}
