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

/** dpkg's settings: what nobody reads on such a machine isn't unpacked. */
export const dpkgOptions = [
  "force-unsafe-io",
  ...["doc", "man", "locale", "info", "lintian"].map((folder) => `path-exclude=/usr/share/${folder}/*`),
  "path-include=/usr/share/doc/*/copyright",
];

/** Where packages come from. */
export interface PackageArchive {
  /** In words, for errors. */
  title: string;
  /** The name of the cache's folder with the packages that were downloaded from it. */
  cache: string;
  /** What mmdebstrap takes for SUITE and MIRROR; empty for a system that has its own lists. */
  suite: string;
  lines: string[];
}

/** One run of mmdebstrap. */
export interface Job {
  /** Of what it makes. */
  layer: string;
  archive: PackageArchive;
  arguments: string[];
  /** Hooks that come after the downloads have been kept. */
  last: string[];
  target: string;
  /** Shell redirections of further file descriptors for the hooks, relative to the layer's folder. */
  descriptors: string;
  env: Record<string, string>;
  emulation: Emulation | undefined;
}

type HookName = "setup" | "extract" | "essential" | "customize";

export const hooks = (name: HookName, script: string | undefined): string[] =>
  script === undefined ? [] : [`--${name}-hook=${script}`];

/** Runs mmdebstrap in the layer's folder, with the packages that were downloaded before. */
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

/** The job's arguments, with hooks around its own that bring downloads from one folder and take new ones to the other. */
function commandLine(job: Job, debs: string, fetched: string): string[] {
  const isCustomize = (argument: string) => argument.startsWith("--customize-hook");
  return [
    "--verbose",
    // It would look for the host's own list of formats.
    ...(job.emulation ? ["--skip=check/qemu"] : []),
    ...job.arguments.filter((argument) => !isCustomize(argument)),
    `--setup-hook=mkdir -p "$1/var/cache/apt/archives"`,
    `--setup-hook=sync-in ${quote(debs)} /var/cache/apt/archives`,
    ...job.arguments.filter(isCustomize),
    `--customize-hook=sync-out /var/cache/apt/archives ${quote(fetched)}`,
    // It has taken the owner and the size of the host's folder.
    `--customize-hook=rm -r "$1/var/cache/apt/archives" && mkdir -p "$1/var/cache/apt/archives/partial"`,
    ...job.last,
    job.archive.suite,
    job.target,
    ...job.archive.lines,
  ];
}

/**
 * A shell that gets SIGTERM when this process ends, in whatever way, and hands it to all that it has started:
 * mmdebstrap ends at once and removes its system only when its children get the signal too, and it leaves other files.
 */
function supervisor(args: string[], descriptors: string): string {
  return [
    `trap 'ended=1; trap "" TERM; kill -TERM 0' TERM`,
    `TMPDIR=$(mktemp --directory --tmpdir piinit-XXXXXXXX)`,
    "export TMPDIR",
    // The namespace's root may be another user, who has to get through.
    `chmod 0711 "$TMPDIR"`,
    // The signal may have come before there was anything to hand it to.
    `[ -n "\${ended-}" ] || exec ${quoteCommand("mmdebstrap", args)} ${descriptors} &`,
    "wait $!",
    "code=$?",
    "wait",
    `rm -rf "$TMPDIR"`,
    "exit $code",
  ].join("\n");
}

/** The same for everybody, so that equal inputs install equally; only how to reach the network is the user's own. */
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
    // The kernel's package makes no initial RAM disk: the image has the builder's own.
    INITRD: "No",
  };
}

/** Where a system is while it is being installed: on a disk and open to all users, as another user of the namespace works there. */
export function temporaryFolder(): string {
  return process.env.TMPDIR ?? "/var/tmp";
}

/** Only whole files get into the cache, under their final name, so that builds can share it. */
async function keepDownloads(fetched: string, debs: string): Promise<void> {
  const names = (await readdir(fetched)).filter((name) => name.endsWith(".deb"));
  const known = new Set(await readdir(debs));
  for (const name of names) if (!known.has(name)) await rename(path.join(fetched, name), path.join(debs, name));
  await rm(fetched, { recursive: true });
}
