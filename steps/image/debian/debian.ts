import { chmod, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { UserError } from "../../../lib/errors.ts";
import { hostPath } from "../../../lib/host.ts";
import { cacheDir } from "../../../lib/paths.ts";
import type { Context } from "../../../lib/program.ts";
import { run } from "../../../lib/run.ts";
import { quote, quoteCommand } from "../../../lib/shell.ts";
import { forBase } from "../existing/image-recipe.ts";
import { parseTree, roomFor } from "../filesystem/tree.ts";
import { type NativeScripts, nativePath } from "../foreign/native.ts";
import { imageTime } from "../manifest/image-time.ts";
import type { DebianBase, Manifest, ManifestOf } from "../manifest/manifest.ts";
import { checkSpace } from "./host.ts";
import { logged } from "./install-log.ts";
import { baseArguments, finishHook, packagesArguments, sourceLines } from "./recipe.ts";

const MiB = 1024 * 1024;

/** Files of the two layers. */
export const baseTar = "base.tar";
export const rootImage = "root.img";
export const treeList = "tree.list";

/** What it takes to run the programs of another architecture than the host's. */
export interface Emulation {
  /** A command that makes them run at all; undefined where they do. */
  hook: string | undefined;
  /** The host's own programs in their place, from the tar of a base system; undefined where that can't be. */
  native: { tar: string; scripts: NativeScripts } | undefined;
}

/** The file descriptor of the native tar in mmdebstrap's hooks. */
export const nativeDescriptor = 6;

/** Makes the base layer: the smallest Debian of the suite, as a tar. */
export async function makeBase(
  manifest: ManifestOf<DebianBase>,
  dir: string,
  context: Context,
  emulation?: Emulation,
): Promise<void> {
  const { suite, distribution } = manifest.base;
  context.progress.step(`base: installing ${distribution} ${suite} for ${manifest.architecture}; next: packages`);
  await checkSpace(temporaryFolder(), 700 * MiB, "a base system being installed");
  await mmdebstrap(manifest, dir, context, {
    layer: "base",
    arguments: [
      ...baseArguments(manifest),
      ...hooks("setup", emulation?.hook),
      ...hooks("extract", emulation?.native?.scripts.lay),
      ...hooks("extract", emulation?.native?.scripts.coverWhenUnpacked),
      ...hooks("essential", emulation?.native?.scripts.cover),
    ],
    last: hooks("customize", emulation?.native?.scripts.remove),
    target: baseTar,
    descriptors: "",
    env: {},
    emulation,
  });
}

/** Makes the packages layer: the root file system, and the list of its files. */
export async function makePackages(
  manifest: ManifestOf<DebianBase>,
  base: string,
  dir: string,
  context: Context,
  emulation?: Emulation,
): Promise<void> {
  await installPackages(manifest, base, dir, context, {
    room: 1500 * MiB,
    arguments: [
      ...hooks("setup", emulation?.hook),
      ...packagesArguments(manifest, {
        unpacked: hooks("setup", emulation?.native?.scripts.lay),
        upgraded: hooks("customize", emulation?.native?.scripts.cover),
      }),
    ],
    last: hooks("customize", emulation?.native?.scripts.remove),
    descriptors: "",
    emulation,
  });
}

/** What differs between bases; `room` is what the system takes while it is being installed, bytes. */
export type Installation = Pick<Job, "arguments" | "last" | "descriptors" | "emulation"> & { room: number };

/** Unpacks the base layer's tar, installs packages into it, and makes a file system of it. */
export async function installPackages(
  manifest: Manifest,
  base: string,
  dir: string,
  context: Context,
  { room, ...installation }: Installation,
): Promise<void> {
  context.progress.step(`packages: installing ${manifest.packages.length} packages; next: the image`);
  await checkSpace(temporaryFolder(), room, "a system being installed");
  const bytes = manifest.disk.rootMiB * MiB;
  const root = path.join(dir, rootImage);
  await writeFile(root, "", { mode: 0o600 });
  await truncate(root, bytes);
  // The namespace's root may be another user; its way to the file is the open descriptor alone, for the folder is closed.
  await chmod(root, 0o666);
  const finish = finishHook({ bytes, uuid: rootUuid });
  try {
    await mmdebstrap(manifest, dir, context, {
      ...installation,
      layer: "packages",
      last: [...installation.last, finish.argument],
      target: "/dev/null",
      descriptors: `3<>${rootImage} 4>${treeList} 5<${quote(path.join(base, baseTar))} ${installation.descriptors}`,
      env: finish.env,
    });
  } catch (error) {
    throw (await tooSmall(manifest, path.join(dir, treeList))) ?? error;
  }
  await chmod(root, 0o600);
}

/** Machines find their root by its label; the number only has to be well formed. */
const rootUuid = "70696e69-7400-4000-8000-000000000001";

interface Job {
  layer: string;
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

async function mmdebstrap(manifest: Manifest, dir: string, context: Context, job: Job): Promise<void> {
  const source = sourceOf(manifest);
  const debs = cacheDir("debs", `${source.name}-${manifest.architecture}`);
  const fetched = path.join(dir, "debs");
  for (const folder of [debs, fetched]) await mkdir(folder, { recursive: true, mode: 0o700 });
  const args = [
    "--verbose",
    // It would look for the host's own list of formats.
    ...(job.emulation ? ["--skip=check/qemu"] : []),
    ...job.arguments.filter((argument) => !argument.startsWith("--customize-hook")),
    `--setup-hook=mkdir -p "$1/var/cache/apt/archives"`,
    `--setup-hook=sync-in ${quote(debs)} /var/cache/apt/archives`,
    ...job.arguments.filter((argument) => argument.startsWith("--customize-hook")),
    `--customize-hook=sync-out /var/cache/apt/archives ${quote(fetched)}`,
    // It has taken the owner and the size of the host's folder.
    `--customize-hook=rm -r "$1/var/cache/apt/archives" && mkdir -p "$1/var/cache/apt/archives/partial"`,
    ...job.last,
    source.suite,
    job.target,
    ...source.lines,
  ];
  const native = job.emulation?.native;
  const descriptors = `${job.descriptors}${native ? ` ${nativeDescriptor}<${quote(native.tar)}` : ""}`;
  const told = {
    layer: job.layer,
    source: source.title,
    log: `${path.basename(dir, ".tmp")}.log`,
    work: temporaryFolder(),
  };
  await logged(told, context, (onLine) =>
    run("setpriv", ["--pdeathsig", "TERM", "setsid", "sh", "-c", supervisor(args, descriptors)], {
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

/** Where the packages come from; an image has its own lists. */
function sourceOf(manifest: Manifest): { name: string; title: string; suite: string; lines: string[] } {
  return forBase(manifest, {
    debian: ({ base, architecture }) => ({
      name: base.suite,
      title: `${base.distribution} ${base.suite} (${architecture})`,
      suite: base.suite,
      lines: sourceLines(base),
    }),
    image: ({ base }) => ({
      name: `image-${base.sha256.slice(0, 16)}`,
      title: `the base image's own source of packages`,
      suite: "",
      lines: [],
    }),
  });
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
function temporaryFolder(): string {
  return process.env.TMPDIR ?? "/var/tmp";
}

/** Only whole files get into the cache, under their final name, so that builds can share it. */
async function keepDownloads(fetched: string, debs: string): Promise<void> {
  const names = (await readdir(fetched)).filter((name) => name.endsWith(".deb"));
  const known = new Set(await readdir(debs));
  for (const name of names) if (!known.has(name)) await rename(path.join(fetched, name), path.join(debs, name));
  await rm(fetched, { recursive: true });
}

/** When the files don't fit into the root partition, an error that says how much they need. */
async function tooSmall(manifest: Manifest, list: string): Promise<UserError | undefined> {
  const tree = parseTree(await readFile(list, "utf8").catch(() => ""));
  const needed = roomFor([...tree.values()].map((entry) => entry.size));
  if (needed <= manifest.disk.rootMiB * MiB) return undefined;
  return rootTooSmall(manifest, needed);
}

/** The error for a root partition that is smaller than the files. */
export function rootTooSmall(manifest: Manifest, bytes: number): UserError {
  const remedy = forBase(manifest, {
    debian: () => "leave some out",
    image: () => "take a smaller base image, such as a Lite edition, or leave packages out",
  });
  return new UserError(
    `The image "${manifest.name}" has a root partition of ${manifest.disk.rootMiB} MiB, ` +
      `but its files need about ${Math.ceil(bytes / MiB)} MiB: ${remedy}.`,
  );
}
