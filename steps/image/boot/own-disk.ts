/**
 * Shell functions of the initial RAM disk that find the disk from which the machine was booted. The command line, which
 * came from that disk, has its number, and every card gets its own number on its first boot (roles/card.ts). Cards that
 * were never booted share one, as do copies of a card: then the firmware's information decides, and without any, no disk
 * is used, because the wrong one would be written to.
 */
export const ownDisk = `
# numbered NUMBER: the disks that have that number, or were just about to take it.
numbered() {
  for path in /sys/block/*; do
    case " $(hexdump -s 436 -n 8 -e '2/4 "%08x "' "/dev/\${path##*/}" 2> /dev/null) " in
      *" $1 "*) echo "\${path##*/}" ;;
    esac
  done
}

# The bytes of a variable of UEFI, as numbers; there is no seeking in one.
variable() {
  hexdump -v -e '/1 "%d "' "/sys/firmware/efi/efivars/$1-8be4df61-93ca-11d2-aa0d-00e098032b8c" 2> /dev/null
}

# Where UEFI found what it started: "/DEVICE.FUNCTION" for every step on PCI, "/port-N" for every one on USB.
firmware_path() {
  entry=$(variable BootCurrent | awk '{ printf "%04X", $5 + 256 * $6 }')
  # Attributes and a length, a name of 16-bit characters that ends with a zero, then the path's nodes.
  variable "Boot$entry" | awk '{
    for (at = 11; $at + $(at + 1) > 0; at += 2);
    for (at += 2; at < NF && $at != 127; at += size) {
      size = $(at + 2) + 256 * $(at + 3)
      if (size < 4) exit
      if ($at == 1 && $(at + 1) == 1) printf "/%02x.%x", $(at + 5), $(at + 4)
      if ($at == 3 && $(at + 1) == 5) printf "/port-%d", $(at + 4) + 1
    }
  }'
}

# The same of a disk, from where the kernel has it: /sys/devices/pci0000:00/0000:00:04.0/usb1/1-2/1-2.3/.../block/sda.
kernel_path() {
  readlink -f "/sys/block/$1" | tr / '\\n' | awk '
    /^[0-9a-f]+:[0-9a-f]+:[0-9a-f]+\\.[0-7]$/ { sub(/.*:/, ""); printf "/%s", $0 }
    /^[0-9]+-[0-9.]+$/ { sub(/.*[-.]/, ""); printf "/port-%s", $0 }'
}

# What kind of disk a Raspberry Pi started from; firmware that doesn't say takes the card if there is one.
firmware_kind() {
  grep -q raspberrypi /proc/device-tree/compatible 2> /dev/null || return 0
  case $(hexdump -s 3 -n 1 -e '"%d"' /proc/device-tree/chosen/bootloader/boot-mode 2> /dev/null) in
    "" | 1) echo card ;;
    4 | 5) echo usb ;;
    6) echo nvme ;;
  esac
}

kernel_kind() {
  case $1 in
    mmcblk*) echo card ;;
    nvme*) echo nvme ;;
    *) case $(readlink -f "/sys/block/$1") in */usb[0-9]*) echo usb ;; esac ;;
  esac
}

# fitting DISK...: those that the firmware's word fits, if it said one.
fitting() {
  for name; do
    if [ "$path_said" ]; then
      [ "$(kernel_path "$name")" != "$path_said" ] || echo "$name"
    elif [ "$kind_said" ]; then
      [ "$(kernel_kind "$name")" != "$kind_said" ] || echo "$name"
    fi
  done
}

# choose TENTHS DISK...: the one that was booted, if it can be told, that long after the first of them appeared.
choose() {
  waited=$1
  shift
  fits=$(fitting "$@")
  # Only one disk can be in that place. Of a kind there may be another, which takes its time to appear.
  case $path_said$kind_said in
    /* | card) [ -z "$fits" ] || waited=30 ;;
  esac
  [ "$waited" -ge 30 ] || return 0
  # shellcheck disable=SC2086 # a word for each disk
  [ -z "$fits" ] || set -- $fits
  [ $# -ne 1 ] || echo "$1"
}
`;
