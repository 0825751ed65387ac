import { quote, quoteCommand } from "../../../lib/shell.ts";
import type { DebianBase, ImageBase, Manifest, ManifestOf } from "../manifest/manifest.ts";

/** Goes the way of the manifest's kind of base. */
export function forBase<T>(
  manifest: Manifest,
  ways: { debian(manifest: ManifestOf<DebianBase>): T; image(manifest: ManifestOf<ImageBase>): T },
): T {
  return "image" in manifest.base
    ? ways.image(manifest as ManifestOf<ImageBase>)
    : ways.debian(manifest as ManifestOf<DebianBase>);
}

/** Takes over the place of the FAT partition's files in the finished system, on file descriptor 7. */
export const bootDescriptor = 7;

/**
 * What mmdebstrap is told for the packages layer of an image that is made from another one. It contributes the name
 * spaces, the mounts and the policy that no service starts; the base's own apt installs what the base lacks, by its own
 * lists, keys and settings, so that what comes fits what is there. Nothing that is there is upgraded for its own sake.
 * The base's tar is on file descriptor 5.
 */
export function imageArguments(missing: readonly string[], dpkgOptions: readonly string[]): string[] {
  return [
    "--mode=unshare",
    "--variant=custom",
    "--format=null",
    "--skip=setup,update,check/empty,cleanup",
    `--setup-hook=tar --extract --xattrs --xattrs-include='*' --directory="$1" <&5`,
    `--setup-hook=${prepare(dpkgOptions)}`,
    ...(missing.length === 0
      ? []
      : [
          `--customize-hook=${apt("update", "--error-on=any")}`,
          `--customize-hook=${apt("install", "--", ...missing)}`,
        ]),
  ];
}

/** The network's name servers, and dpkg's settings, in the file in which mmdebstrap has them elsewhere. */
const prepare = (dpkgOptions: readonly string[]) => `set -eu; cd "$1"
rm -f etc/resolv.conf
cat /etc/resolv.conf >etc/resolv.conf
mkdir -p etc/dpkg/dpkg.cfg.d
printf '%s\\n' ${dpkgOptions.map((option) => `'${option}'`).join(" ")} >etc/dpkg/dpkg.cfg.d/99mmdebstrap`;

const aptOptions = [
  "Acquire::Languages=none",
  "APT::Install-Recommends=false",
  "Dpkg::Use-Pty=0",
  "Dpkg::Options::=--force-confold",
];

function apt(...words: string[]): string {
  const command = ["apt-get", "--yes", ...aptOptions.flatMap((option) => ["-o", option]), ...words];
  const environment = ["--unset=TMPDIR", "APT_LISTCHANGES_FRONTEND=none", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"];
  return `chroot "$1" ${quoteCommand("env", [...environment, ...command])}`;
}

/** The last hook but one: hands over the files of the FAT partition, which packages may have changed, and removes them. */
export const takeBootHook = (folder: string) =>
  `--customize-hook=cd "$1/"${quote(folder)} && tar --create --sort=name . >&${bootDescriptor} && find . -mindepth 1 -delete`;
