import { KiB } from "../../../formats/units.ts";
import { imageTime } from "../manifest/image-time.ts";

/**
 * Makes a file system of the installed system: removes what belongs to one machine or one build, then runs mke2fs.
 * File descriptor 3 is the file system's image, 4 receives the list of all files. `$1` is the system's folder.
 * mke2fs copies each file's change time, which is the time of the build, so debugfs resets it.
 * The bind mount shows the system without the mounts in it, and hides /tmp, where mmdebstrap keeps apt's configuration:
 * mmdebstrap still needs it, or apt would work on the host.
 */
export const finishScript = `set -eu
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

/** Listed in full, so that the host's version of e2fsprogs makes no difference. */
export const features = [
  "has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg",
  "sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum",
].join(",");

/** Machines find their root by the disk's number, so this UUID only has to be valid. */
const rootUuid = "70696e69-7400-4000-8000-000000000001";

/** The last hook of the packages layer and the variables that it reads. @param bytes size of the file system */
export function finishHook(bytes: number) {
  return {
    argument: `--customize-hook=${finishScript}`,
    env: {
      IMAGE_TIME: String(imageTime),
      E2FSPROGS_FAKE_TIME: String(imageTime),
      FEATURES: features,
      ROOT_UUID: rootUuid,
      ROOT_KIB: String(bytes / KiB),
    },
  };
}
