import type { Architecture } from "../../../lib/architecture.ts";
import { quoteCommand } from "../../../lib/shell.ts";
import { dpkgOptions } from "../install/mmdebstrap.ts";
import type { DebianBase } from "../manifest/manifest.ts";

/** Packages in every image, because the builder itself relies on them. */
const basePackages = ["busybox-static", "e2fsprogs", "kmod", "systemd-sysv", "udev"];

const aptOptions = ['Acquire::Languages "none"', 'APT::Install-Recommends "false"'];

/** What determines mmdebstrap's arguments. */
export interface DebianSystem {
  architecture: Architecture;
  base: DebianBase;
  packages: readonly string[];
}

/** Uses mmdebstrap's default mirror, which includes security updates. */
function commonArguments({ architecture, base }: DebianSystem): string[] {
  return [
    "--mode=unshare",
    `--architectures=${architecture}`,
    `--components=${["main", ...base.components].join(",")}`,
    ...aptOptions.map((option) => `--aptopt=${option}`),
    ...dpkgOptions.map((option) => `--dpkgopt=${option}`),
  ];
}

/** mmdebstrap's arguments for the base layer, without the hooks that fetch and keep downloads. */
export function baseArguments(system: DebianSystem): string[] {
  return [
    ...commonArguments(system),
    "--variant=minbase",
    "--format=tar",
    `--include=${basePackages.join(",")}`,
    "--skip=essential/unlink",
  ];
}

/** Hooks for native programs, which make the work faster and don't change its result. */
export interface NativeHooks {
  afterUnpacking: string[];
  afterUpgrade: string[];
}

/**
 * mmdebstrap's arguments for the packages layer, which starts from the base layer's tar on file descriptor 5. The host's
 * apt installs into it with the system's own dpkg, as mmdebstrap itself does; mmdebstrap provides the namespaces, the
 * mounts, the package lists and the policy that keeps services from starting.
 */
export function packagesArguments(
  system: DebianSystem,
  native: NativeHooks = { afterUnpacking: [], afterUpgrade: [] },
): string[] {
  const { suite, backports } = system.base;
  const packages = system.packages.map((name) => (backports.includes(name) ? `${name}/${suite}-backports` : name));
  return [
    ...commonArguments(system),
    "--variant=custom",
    "--format=null",
    // Its clean-up would come after the file system is made.
    "--skip=check/empty,cleanup",
    `--setup-hook=tar --extract --directory="$1" --exclude='./dev/*' <&5`,
    ...(backports.length > 0 ? [`--setup-hook=${backportsList(suite)}`] : []),
    ...native.afterUnpacking,
    `--customize-hook=${hostApt("dist-upgrade")}`,
    ...native.afterUpgrade,
    `--customize-hook=${hostApt("install", "--", ...packages)}`,
  ];
}

/**
 * Lines of sources.list for the packages of a past moment; none for the newest packages, which mmdebstrap finds itself.
 * check-valid-until: the lists of that time have expired.
 */
export function sourceLines({ suite, components, snapshot }: DebianBase): string[] {
  if (snapshot === undefined) return [];
  const line = (archive: string, name: string) =>
    `deb [check-valid-until=no] ${snapshot.replace("ARCHIVE", archive)}/ ${name} ${["main", ...components].join(" ")}`;
  if (["sid", "unstable", "experimental"].includes(suite)) return [line("debian", suite)];
  return [line("debian", suite), line("debian", `${suite}-updates`), line("debian-security", `${suite}-security`)];
}

/** Backports are next to the suite on its mirror. */
const backportsList = (suite: string) =>
  `cd "$1/etc/apt" && sed -n 's/ ${suite} / ${suite}-backports /p' sources.list >sources.list.d/backports.list`;

function hostApt(...words: string[]): string {
  const options = ["Dpkg::Use-Pty=0", "Dir::Bin::dpkg=env", "DPkg::Options::=--unset=TMPDIR", "DPkg::Options::=dpkg"];
  const command = quoteCommand("apt-get", ["--yes", ...options.flatMap((option) => ["-o", option])]);
  return `APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" ${command} -o DPkg::Chroot-Directory="$1" ${quoteCommand(words[0] ?? "", words.slice(1))}`;
}
