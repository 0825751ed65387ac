import type { DiskLayout } from "../manifest/manifest.ts";
import { mountBoot, ownSlot } from "../manifest/slots.ts";

/**
 * The script that chooses which slot is started. RAUC calls it as its boot loader, and so do our own scripts. A slot that
 * is to be tried is started once; only what confirms it makes it the one that is started from then on.
 */
export function bootChoice(firmware: Exclude<DiskLayout["firmware"], "none">): string {
  return `#!/bin/sh
# boot-choice get-current: the slot that runs.
# boot-choice get-primary: the slot that is started next.
# boot-choice set-primary SLOT: starts it next; if it doesn't run now, it is only tried.
# boot-choice get-state SLOT: good or bad.
# boot-choice set-state SLOT good: it is known to work, and started from now on.
# boot-choice set-state SLOT bad: it isn't started again.
# boot-choice is-trial: succeeds if the slot that runs is only tried, or was refused already.
set -eu
${ownSlot}
if [ "$1" = get-current ]; then
  echo "$own"
  exit
fi
${mountBoot}
mount_boot
trap unmount_boot EXIT
trap 'exit 1' INT TERM
${firmware === "uefi" ? entries : configText}
case "$*" in
  get-primary) primary ;;
  "set-primary "[AB]) start "$2" ;;
  "get-state "[AB]) if works "$2"; then echo good; else echo bad; fi ;;
  "set-state "[AB]" good") confirm "$2" ;;
  "set-state "[AB]" bad") refuse "$2" ;;
  is-trial) is_trial ;;
  *) echo "boot-choice: can't $*" >&2; exit 1 ;;
esac
sync -f "$boot"
`;
}

/**
 * systemd-boot starts the entry with the highest version that has tries left, and renames it first: NAME+1.conf to
 * NAME+0-1.conf, which is then the last to be started. A folder's entries change with one write each.
 */
const entries = `entries=$boot/loader/entries
version() { sed -n 's/^version //p' "$1"; }

primary() {
  for file in "$entries"/piinit-[AB].conf "$entries"/piinit-[AB]+[1-9]*.conf; do
    [ ! -e "$file" ] || echo "$(version "$file") $file"
  done | sort -rn | sed -n '1s|.*/piinit-\\(.\\).*|\\1|p'
}

# The new entry is complete before it has its name.
start() {
  newest=$(cat "$entries"/piinit-*.conf | sed -n 's/^version //p' | sort -rn | head -n 1)
  cat >"$boot/loader/piinit.new" <<END
title piinit $1
sort-key piinit
version $((newest + 1))
linux /$1/vmlinuz
initrd /$1/initrd.img
options $(cat "$boot/$1/cmdline.txt")
END
  sync "$boot/loader/piinit.new"
  if [ "$1" = "$own" ]; then
    mv "$boot/loader/piinit.new" "$entries/piinit-$1.conf"
    rm -f "$entries/piinit-$1"+*.conf
  else
    rm -f "$entries/piinit-$1".conf "$entries/piinit-$1"+*.conf
    mv "$boot/loader/piinit.new" "$entries/piinit-$1+1.conf"
  fi
}

works() {
  for file in "$entries/piinit-$1.conf" "$entries/piinit-$1"+[1-9]*.conf; do
    [ ! -e "$file" ] || return 0
  done
  return 1
}

confirm() {
  for file in "$entries/piinit-$1"+*.conf; do
    [ ! -e "$file" ] || mv "$file" "$entries/piinit-$1.conf"
  done
}

refuse() {
  works "$(other_than "$1")" || { echo "boot-choice: there is no other slot to start than $1" >&2; exit 1; }
  rm -f "$entries/piinit-$1".conf "$entries/piinit-$1"+*.conf
}

is_trial() { [ ! -e "$entries/piinit-$own.conf" ]; }`;

/**
 * A Raspberry Pi starts the slot that config.txt's first line names, and the initial RAM disk of one that isn't confirmed
 * puts the other one back there as its first act. Both lines are in the file's first sector, which is written at once.
 */
const configText = `config=$boot/config.txt
started=$(sed -n '1s/^os_prefix=\\([AB]\\)\\/$/\\1/p' "$config")
confirmed=$(sed -n '2s/^#confirmed=\\([AB]\\)$/\\1/p' "$config")
[ "$started" ] && [ "$confirmed" ] || {
  echo "boot-choice: config.txt doesn't begin with os_prefix= and #confirmed=" >&2
  exit 1
}

# choose STARTED CONFIRMED
choose() {
  sector=$(mktemp)
  dd if="$config" bs=512 count=1 status=none | sed "1s/.*/os_prefix=$1\\//; 2s/.*/#confirmed=$2/" >"$sector"
  dd if="$sector" of="$config" bs=512 count=1 conv=notrunc,fsync status=none
  rm "$sector"
}

primary() { echo "$started"; }
start() { choose "$1" "$own"; }
works() { [ "$1" = "$confirmed" ] || [ "$1" = "$started" ]; }
confirm() { [ "$1" != "$own" ] || choose "$1" "$1"; }
refuse() {
  [ "$1" = "$confirmed" ] && [ "$1" = "$own" ] && {
    echo "boot-choice: there is no other slot to start than $1" >&2
    exit 1
  }
  ! works "$1" || choose "$(other_than "$1")" "$(other_than "$1")"
}
is_trial() { [ "$own" != "$confirmed" ]; }`;
