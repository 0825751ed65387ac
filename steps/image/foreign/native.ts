import type { Architecture } from "../../../lib/architecture.ts";

/**
 * Installing Debian for another architecture runs thousands of short programs under emulation. Most of them (shell, perl,
 * dpkg, sed …) behave like the host's own, so a tree of native ones is put into the system during the installation and
 * removed afterwards. Where that is impossible, everything is emulated, slower and with the same result.
 */

/** The folder of the native programs inside the system. */
const folder = ".native";

/** The packages whose programs are used instead of emulated ones. */
const packages = [
  ...["bash", "coreutils", "dash", "debianutils", "diffutils", "findutils", "grep", "gzip", "hostname", "kmod"],
  ...["mawk", "openssl", "perl-base", "sed", "tar", "xz-utils"],
  // dpkg's programs come last; they are patched below.
  "dpkg",
];

const libraries: Partial<Record<Architecture, string>> = {
  amd64: "/usr/lib/x86_64-linux-gnu",
  arm64: "/usr/lib/aarch64-linux-gnu",
};

/** Where amd64's dynamic linker is; arm64's is in /usr/lib, beside the emulated system's own files. */
const linkerFolders: Partial<Record<Architecture, string>> = { amd64: "/usr/lib64" };

/** Of udev's package, which is new in the base system. */
const slow = "usr/bin/systemd-hwdb";

/** Whether native programs can replace those of the image. */
export function canUseNative(host: Architecture | undefined, image: Architecture): host is Architecture {
  return host !== undefined && host !== image && linkerFolders[host] !== undefined;
}

export interface NativeScripts {
  /** For a system that has just been unpacked: adds the native programs, and replaces none of the system's own. */
  add: string;
  /**
   * Runs `bind` as soon as the essential packages are unpacked, before any of them is configured, by means of a dpkg that
   * does these in two steps.
   */
  bindWhenUnpacked: string;
  /** Binds the native programs over the system's own, once; no package with one of them may be installed after that. */
  bind: string;
  /** Removes all of it. */
  remove: string;
}

/** The folder to put first on PATH while the native programs are there. */
export const nativePath = `/${folder}/bin`;

/** Shell commands to run in the system's folder. */
const bindCommands = `while read -r file; do
  native="${folder}/bin/\${file##*/}"
  [ -f "$native" ] && [ -f ".$file" ] && [ ! -L ".$file" ] || continue
  mount --bind "$native" ".$file"
done <${folder}/list
# Not there yet: the package that brings it runs it at once, for a minute.
if [ ! -e ${slow} ]; then
  printf '%s\\n' '/${slow}' '/${slow}.emulated' : >>var/lib/dpkg/diversions
  ln -s /${folder}/${slow} ${slow}
fi
: >${folder}/covered`;

/** The file descriptor on which hooks find a tar of a native base system. */
export const nativeDescriptor = 6;

/** Shell scripts for mmdebstrap's hooks, with the system's folder as `$1`. */
export function nativeScripts(host: Architecture, image: Architecture): NativeScripts {
  const library = libraries[host];
  const linker = linkerFolders[host];
  return {
    add: `set -eu; cd "$1"
mkdir -p ${folder}/bin .${library} .${linker}
[ -e lib64 ] || ln -s usr/lib64 lib64
tar --extract --directory=${folder} --wildcards '.${library}' '.${linker}' ./usr/bin ./usr/sbin './usr/lib/apt/methods' './var/lib/dpkg/info/*.list' <&${nativeDescriptor}
mount --bind ${folder}${library} .${library}
mount --bind ${folder}${linker} .${linker}
for package in ${packages.join(" ")}; do
  cat ${folder}/var/lib/dpkg/info/$package.list ${folder}/var/lib/dpkg/info/$package:${host}.list 2>/dev/null || true
done | grep -E '^/usr/s?bin/[^/]+$' >${folder}/list
while read -r file; do
  [ -f "${folder}$file" ] && [ ! -L "${folder}$file" ] || continue
  [ "$(head -c4 "${folder}$file" | tail -c3)" = ELF ] || continue
  ln "${folder}$file" "${folder}/bin/\${file##*/}"
done <${folder}/list
${dpkgFor(host, image)}
printf '%s\\n' 'DPkg::Path "${nativePath}:/usr/sbin:/usr/bin:/sbin:/bin";' '#clear DPkg::Pre-Install-Pkgs;' >etc/apt/apt.conf.d/zz-native
`,
    bindWhenUnpacked: `set -eu; cd "$1"
[ -f ${folder}/bin/dpkg ] || exit 0
mv ${folder}/bin/dpkg ${folder}/dpkg
cat >${folder}/bin/dpkg <<'END'
#!${nativePath}/dash
set -eu
[ "$1" = --install ] || exec /${folder}/dpkg "$@"
shift
/${folder}/dpkg --unpack "$@"
mv /${folder}/dpkg ${nativePath}/dpkg
cd /
mount() { /${folder}/usr/bin/mount "$@"; }
${bindCommands}
options=
for word; do case $word in --*) options="$options $word" ;; esac; done
exec dpkg --configure --pending $options
END
chmod 755 ${folder}/bin/dpkg
`,
    bind: `set -eu; cd "$1"
[ ! -e ${folder}/covered ] || exit 0
${bindCommands}
`,
    remove: `set -eu; cd "$1"
root=$(pwd -P)
if [ -L ${slow} ]; then
  rm ${slow}
  chroot . dpkg-divert --quiet --local --rename --remove /${slow}
fi
awk -v root="$root/" 'index($5, root "usr/") == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r place; do umount "$place"; done
rm -rf ${folder} etc/apt/apt.conf.d/zz-native
[ "$(readlink lib64)" != usr/lib64 ] || rm lib64
rmdir .${library} .${linker}
`,
  };
}

/**
 * dpkg has its architecture compiled in, as a string of the same length for all of ours. The patched copies are kept only
 * if they report the right one.
 */
function dpkgFor(host: Architecture, image: Architecture): string {
  return `for program in dpkg dpkg-deb dpkg-divert dpkg-query dpkg-split dpkg-statoverride dpkg-trigger; do
  rm -f "${folder}/bin/$program"
  LC_ALL=C sed 's/\\x00${host}\\x00/\\x00${image}\\x00/g' "${folder}/usr/bin/$program" >"${folder}/bin/$program"
  chmod 755 "${folder}/bin/$program"
done
[ "$(chroot . /${folder}/bin/dpkg --print-architecture)" = ${image} ] || rm -f ${folder}/bin/dpkg*`;
}
