import { mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { hostPath } from "../../../lib/host.ts";
import { cacheDir } from "../../../lib/paths.ts";
import type { Context } from "../../../lib/program.ts";
import { run } from "../../../lib/run.ts";
import { quote, quoteCommand } from "../../../lib/shell.ts";
import type { Emulation } from "../foreign/emulation.ts";
import { nativeDescriptor, nativePath } from "../foreign/native.ts";
import { imageTime } from "../manifest/image-time.ts";
import { withInstallLog } from "./install-log.ts";

/** dpkg's settings. They leave out documentation, which nobody reads on such a machine. */
export const dpkgOptions = [
  "force-unsafe-io",
  ...["doc", "man", "locale", "info", "lintian"].map((folder) => `path-exclude=/usr/share/${folder}/*`),
  "path-include=/usr/share/doc/*/copyright",
];

/** Where packages come from. */
export interface PackageArchive {
  /** For people. */
  title: string;
  /** The name of the cache folder for packages downloaded from it. */
  cache: string;
  /** mmdebstrap's SUITE and MIRROR arguments; empty for a system with its own package lists. */
  suite: string;
  lines: string[];
}

/** One run of mmdebstrap. */
export interface Job {
  /** The name of the layer that it makes. */
  layer: string;
  archive: PackageArchive;
  arguments: string[];
  /** Hooks that run after the downloads are saved. */
  last: string[];
  target: string;
  /** Shell redirections of extra file descriptors for the hooks, relative to the layer's folder. */
  descriptors: string;
  env: Record<string, string>;
  emulation: Emulation | undefined;
}

type HookName = "setup" | "extract" | "essential" | "customize";

export const hooks = (name: HookName, script: string | undefined): string[] =>
  script === undefined ? [] : [`--${name}-hook=${script}`];

/** Runs mmdebstrap in the layer's folder, reusing packages downloaded earlier. */
export async function mmdebstrap(job: Job, dir: string, context: Context): Promise<void> {
  const { archive, layer } = job;
  const native = job.emulation?.native;
  const debs = cacheDir("debs", archive.cache);
  const fetched = path.join(dir, "debs");
  for (const folder of [debs, fetched]) await mkdir(folder, { recursive: true, mode: 0o700 });
  const descriptors = `${job.descriptors}${native ? ` ${nativeDescriptor}<${quote(native.tar)}` : ""}`;
  const script = supervisor(commandLine(job, debs, fetched), descriptors);
  const log = `${path.basename(dir, ".tmp")}.log`;
  await withInstallLog({ layer, source: archive.title, log, work: temporaryFolder() }, context, (onLine) =>
    run("setpriv", ["--pdeathsig", "TERM", "setsid", "sh", "-c", script], {
      cwd: dir,
      cleanEnv: true,
      env: { ...environment(), ...job.env, PATH: native ? `${nativePath}:${hostPath()}` : hostPath() },
      signal: context.signal,
      cleansUp: true,
      onLine,
    }),
  );
  await keepDownloads(fetched, debs);
}

/** The job's arguments, with hooks that copy earlier downloads in from `debs` and new ones out to `fetched`. */
function commandLine(job: Job, debs: string, fetched: string): string[] {
  const isCustomize = (argument: string) => argument.startsWith("--customize-hook");
  return [
    "--verbose",
    // It would check the host's own list of binary formats.
    ...(job.emulation ? ["--skip=check/qemu"] : []),
    ...job.arguments.filter((argument) => !isCustomize(argument)),
    `--setup-hook=mkdir -p "$1/var/cache/apt/archives"`,
    `--setup-hook=sync-in ${quote(debs)} /var/cache/apt/archives`,
    ...job.arguments.filter(isCustomize),
    `--customize-hook=sync-out /var/cache/apt/archives ${quote(fetched)}`,
    // sync-in gave the folder the owner and size of the host's.
    `--customize-hook=rm -r "$1/var/cache/apt/archives" && mkdir -p "$1/var/cache/apt/archives/partial"`,
    ...job.last,
    job.archive.suite,
    job.target,
    ...job.archive.lines,
  ];
}

/**
 * A shell that gets SIGTERM when this process ends in any way, and forwards it to everything that it started: mmdebstrap
 * stops at once and cleans up only if its children get the signal too. The shell removes the other files it leaves.
 */
function supervisor(args: string[], descriptors: string): string {
  return [
    `trap 'ended=1; trap "" TERM; kill -TERM 0' TERM`,
    `TMPDIR=$(mktemp --directory --tmpdir piinit-XXXXXXXX)`,
    "export TMPDIR",
    // The namespace's root may be another user, who needs to pass through.
    `chmod 0711 "$TMPDIR"`,
    // The signal may have come before there was a process to forward it to.
    `[ -n "\${ended-}" ] || exec ${quoteCommand("mmdebstrap", args)} ${descriptors} &`,
    "wait $!",
    "code=$?",
    "wait",
    `rm -rf "$TMPDIR"`,
    "exit $code",
  ].join("\n");
}

/** The same for every user, so that equal inputs give equal systems; only the proxy settings are the user's own. */
function environment(): Record<string, string> {
  const proxies = ["http_proxy", "https_proxy", "no_proxy"].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...Object.fromEntries(proxies),
    HOME: "/root",
    LC_ALL: "C.UTF-8",
    TMPDIR: temporaryFolder(),
    DEBIAN_FRONTEND: "noninteractive",
    SOURCE_DATE_EPOCH: String(imageTime),
    // Keeps the kernel's package from making an initial RAM disk: the builder makes its own.
    INITRD: "No",
  };
}

/** Where a system is installed: on a disk, and accessible to all users, because another user of the namespace works there. */
export function temporaryFolder(): string {
  return process.env.TMPDIR ?? "/var/tmp";
}

/** Moves complete files into the cache under their final names, so that builds can share it. */
async function keepDownloads(fetched: string, debs: string): Promise<void> {
  const names = (await readdir(fetched)).filter((name) => name.endsWith(".deb"));
  const known = new Set(await readdir(debs));
  for (const name of names) if (!known.has(name)) await rename(path.join(fetched, name), path.join(debs, name));
  await rm(fetched, { recursive: true });
}
