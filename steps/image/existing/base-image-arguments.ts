import { quoteCommand } from "../../../lib/shell.ts";
import { dpkgOptions } from "../install/mmdebstrap.ts";

/**
 * mmdebstrap's arguments for the packages layer on top of an existing image, whose tar is on file descriptor 5. mmdebstrap
 * provides the namespaces, the mounts and the policy that keeps services from starting; the base's own apt installs the
 * missing packages from its own sources, so that they match. Installed packages are upgraded only if those need it.
 */
export function baseImageArguments(missing: readonly string[]): string[] {
  return [
    "--mode=unshare",
    "--variant=custom",
    "--format=null",
    "--skip=setup,update,check/empty,cleanup",
    `--setup-hook=tar --extract --xattrs --xattrs-include='*' --directory="$1" <&5`,
    `--setup-hook=${prepare}`,
    ...(missing.length === 0
      ? []
      : [
          `--customize-hook=${ownApt("update", "--error-on=any")}`,
          `--customize-hook=${ownApt("install", "--", ...missing)}`,
        ]),
  ];
}

/** The network's name servers, and dpkg's settings, in the file in which mmdebstrap has them elsewhere. */
const prepare = `set -eu; cd "$1"
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

function ownApt(...words: string[]): string {
  const command = ["apt-get", "--yes", ...aptOptions.flatMap((option) => ["-o", option]), ...words];
  const environment = ["--unset=TMPDIR", "APT_LISTCHANGES_FRONTEND=none", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"];
  return `chroot "$1" ${quoteCommand("env", [...environment, ...command])}`;
}
