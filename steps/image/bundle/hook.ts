import { kernelFolder, mountBoot } from "../manifest/slots.ts";

/**
 * The script that RAUC runs on the machine once the new root file system is in its slot: copies the kernel's files to the
 * slot's folder of the boot partition. It comes with the update, which knows what its kernel needs.
 */
export const hook = `#!/bin/sh
set -eu
[ "$1" = slot-post-install ] || { echo "unknown hook $1" >&2; exit 1; }
${mountBoot}
from=$RAUC_SLOT_MOUNT_POINT${kernelFolder} slot=$RAUC_SLOT_BOOTNAME
case $slot in A) partition=02 ;; B) partition=04 ;; *) exit 1 ;; esac

mount_boot
rm -rf "\${boot:?}/$slot"
mkdir "$boot/$slot"
for file in "$from"/*; do
  name=\${file##*/}
  # The kernel is a link, as the root of the new system sees it.
  [ ! -L "$file" ] || file=$RAUC_SLOT_MOUNT_POINT$(readlink "$file")
  cp -L "$file" "$boot/$slot/$name"
done
number=$(od -An -tx4 -j 440 -N 4 "/dev/$(/usr/lib/piinit/own-disk)" | tr -d ' ')
sed -i "s/ root=[^ ]*/ root=PARTUUID=$number-$partition/; s/ rauc[.]slot=[AB]/ rauc.slot=$slot/" "$boot/$slot/cmdline.txt"

# The machine stays who it is, and a board without a clock doesn't go back to the image's time.
cp /etc/machine-id "$RAUC_SLOT_MOUNT_POINT/etc/machine-id"
if [ -d /var/lib/systemd/timesync ]; then
  cp -a /var/lib/systemd/timesync "$RAUC_SLOT_MOUNT_POINT/var/lib/systemd/"
  touch "$RAUC_SLOT_MOUNT_POINT/var/lib/systemd/timesync/clock"
fi

# What the partition has, not what is in memory of it.
sync -f "$boot"
unmount_boot
mount_boot
for file in "$from"/*; do
  name=\${file##*/}
  [ "$name" != cmdline.txt ] || continue
  [ ! -L "$file" ] || file=$RAUC_SLOT_MOUNT_POINT$(readlink "$file")
  cmp "$file" "$boot/$slot/$name"
done
grep -q " root=PARTUUID=$number-$partition" "$boot/$slot/cmdline.txt"
unmount_boot
`;
