import type { Architecture } from "../../../lib/architecture.ts";

/**
 * Installing Debian for another architecture runs thousands of short programs under emulation. Most of them (shell, perl,
 * dpkg, sed …) do the same as the host's own: a tree of these is laid into the system while packages are being installed,
 * and taken out again. Where that is not possible everything is emulated: slower, with the same result.
 */

/** Where the host's programs are inside of the system meanwhile. */
const folder = ".native";

/** The packages whose programs are used instead of emulated ones. */
const packages = [
  ...["bash", "coreutils", "dash", "debianutils", "diffutils", "findutils", "grep", "gzip", "hostname", "kmod"],
  ...["mawk", "openssl", "perl-base", "sed", "tar", "xz-utils"],
  // dpkg's programs are last, and told apart below.
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

/** Whether the programs of the host can stand in for those of the image. */
export function canUseNative(host: Architecture | undefined, image: Architecture): host is Architecture {
  return host !== undefined && host !== image && linkerFolders[host] !== undefined;
}

export interface NativeScripts {
  /** For a system that has just been unpacked: the programs can be found, nothing of the system's own is covered. */
  lay: string;
  /**
   * Lets `cover` come as soon as the essential packages are unpacked, before any of them is set up, by a dpkg that does
   * in two steps what it is asked to do in one.
   */
  coverWhenUnpacked: string;
  /** Covers the system's own programs, once; no package that brings one of them may be installed after that. */
  cover: string;
  /** Takes all of it away. */
  remove: string;
}

/** The environment's PATH while the host's programs are there. */
export const nativePath = `/${folder}/bin`;

/** In the system's folder. */
const coverCommands = `while read -r file; do
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

/** In the hooks, a tar of the host's own base system is on this file descriptor. */
export const nativeDescriptor = 6;

/** Shell scripts for mmdebstrap's hooks, with the system's folder as `$1`. */
export function nativeScripts(host: Architecture, image: Architecture): NativeScripts {
  const library = libraries[host];
  const linker = linkerFolders[host];
  return {
    lay: `set -eu; cd "$1"
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
    coverWhenUnpacked: `set -eu; cd "$1"
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
${coverCommands}
options=
for word; do case $word in --*) options="$options $word" ;; esac; done
exec dpkg --configure --pending $options
END
chmod 755 ${folder}/bin/dpkg
`,
    cover: `set -eu; cd "$1"
[ ! -e ${folder}/covered ] || exit 0
${coverCommands}
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
 * dpkg has its architecture compiled in, as a string that is as long for every one of ours.
 * The copies are only kept when they say the right one.
 */
function dpkgFor(host: Architecture, image: Architecture): string {
  return `for program in dpkg dpkg-deb dpkg-divert dpkg-query dpkg-split dpkg-statoverride dpkg-trigger; do
  rm -f "${folder}/bin/$program"
  LC_ALL=C sed 's/\\x00${host}\\x00/\\x00${image}\\x00/g' "${folder}/usr/bin/$program" >"${folder}/bin/$program"
  chmod 755 "${folder}/bin/$program"
done
[ "$(chroot . /${folder}/bin/dpkg --print-architecture)" = ${image} ] || rm -f ${folder}/bin/dpkg*`;
}
