import type { Architecture } from "../../../lib/architecture.ts";
import { quoteCommand } from "../../../lib/shell.ts";
import { dpkgOptions } from "../install/mmdebstrap.ts";
import type { DebianBase } from "../manifest/manifest.ts";

/** Packages that every image has because the builder itself counts on them. */
const basePackages = ["busybox-static", "e2fsprogs", "kmod", "systemd-sysv", "udev"];

const aptOptions = ['Acquire::Languages "none"', 'APT::Install-Recommends "false"'];

/** What decides how mmdebstrap is called. */
export interface DebianSystem {
  architecture: Architecture;
  base: DebianBase;
  packages: readonly string[];
}

/** mmdebstrap's own default mirror is used: it knows the distribution's security updates too. */
function commonArguments({ architecture, base }: DebianSystem): string[] {
  return [
    "--mode=unshare",
    `--architectures=${architecture}`,
    `--components=${["main", ...base.components].join(",")}`,
    ...aptOptions.map((option) => `--aptopt=${option}`),
    ...dpkgOptions.map((option) => `--dpkgopt=${option}`),
  ];
}

/** What mmdebstrap is told for a layer, apart from the hooks that fetch and keep downloads. */
export function baseArguments(system: DebianSystem): string[] {
  return [
    ...commonArguments(system),
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
export function packagesArguments(system: DebianSystem, between: Between = { unpacked: [], upgraded: [] }): string[] {
  const { suite, backports } = system.base;
  const packages = system.packages.map((name) => (backports.includes(name) ? `${name}/${suite}-backports` : name));
  return [
    ...commonArguments(system),
    "--variant=custom",
    "--format=null",
    // Its clean-up would come after the file system has been made.
    "--skip=check/empty,cleanup",
    `--setup-hook=tar --extract --directory="$1" --exclude='./dev/*' <&5`,
    ...(backports.length > 0 ? [`--setup-hook=${backportsList(suite)}`] : []),
    ...between.unpacked,
    `--customize-hook=${hostApt("dist-upgrade")}`,
    ...between.upgraded,
    `--customize-hook=${hostApt("install", "--", ...packages)}`,
  ];
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

function hostApt(...words: string[]): string {
  const options = ["Dpkg::Use-Pty=0", "Dir::Bin::dpkg=env", "DPkg::Options::=--unset=TMPDIR", "DPkg::Options::=dpkg"];
  const command = quoteCommand("apt-get", ["--yes", ...options.flatMap((option) => ["-o", option])]);
  return `APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" ${command} -o DPkg::Chroot-Directory="$1" ${quoteCommand(words[0] ?? "", words.slice(1))}`;
}
