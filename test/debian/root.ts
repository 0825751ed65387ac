import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { cachedFolder } from "../../lib/cached-folder.ts";
import { hostPath, runOnHost } from "../../lib/host.ts";
import { digest } from "../../lib/json.ts";
import { cacheDir } from "../../lib/paths.ts";
import { silent } from "../../lib/progress.ts";

/** A small Debian of any release, entered as if this machine had been installed with it. */
export interface DebianRoot {
  /** Where its file system is seen from outside. */
  dir: string;
  /** Runs a program in the project's folder there; never fails by itself. */
  run(user: "root" | "me", ...command: string[]): Promise<Ended>;
  leave(): Promise<void>;
}

export interface Ended {
  exitCode: number;
  /** Both streams, in their order. */
  output: string;
  stdout: string;
}

/** In the root: the project, and the home of a user who isn't root. */
const project = "/srv";
const home = "/home/me";
const me = 1000;

/**
 * Enters a copy of a root with that release and those packages. The checkout is the project in it, `modules` its node
 * modules, and the tools of this user's cache are the plain user's there.
 */
export async function enterDebian(
  suite: string,
  packages: readonly string[],
  checkout: string,
  modules: string,
): Promise<DebianRoot> {
  const made = await debianRoot(suite, packages);
  const folder = await mkdtemp(path.join(tmpdir(), `piinit-${suite}-`));
  await chmod(folder, 0o755);
  const holder = await hold(made, folder, checkout, modules);
  const dir = path.join(folder, "root");
  try {
    await shareTools(path.join(dir, home, ".cache", "piinit"));
    await runOnHost("chown", ["--recursive", `${me}:${me}`, checkout, path.join(dir, home)]);
  } catch (error) {
    await holder.leave();
    throw error;
  }
  return { dir, run: (user, ...command) => runIn(holder.pid, user, command), leave: holder.leave };
}

/** A user with a range of numbers, as Debian makes one. */
const addUser = `echo 'me:x:${me}:${me}::${home}:/bin/sh' >>"$1/etc/passwd"
echo 'me:x:${me}:' >>"$1/etc/group"
for file in subuid subgid; do echo me:100000:65536 >>"$1/etc/$file"; done
mkdir -p "$1${home}"`;

/** The root as mmdebstrap makes it, of this week: Debian goes on, and a root of last month would prove nothing. */
async function debianRoot(suite: string, packages: readonly string[]): Promise<string> {
  const args = [
    "--variant=apt",
    "--quiet",
    // testing's list is out of date within days where a mirror stands still.
    '--aptopt=Acquire::Check-Valid-Until "false"',
    // It is thrown away.
    "--dpkgopt=force-unsafe-io",
    `--customize-hook=${addUser}`,
    ...(packages.length > 0 ? [`--include=${packages.join()}`] : []),
    suite,
  ];
  const week = Math.floor(Date.now() / (7 * 24 * 60 * 60 * 1000));
  const start = `test-root-${suite}-`;
  const name = `${start}${digest([args, week]).slice(0, 16)}`;
  const context = { progress: silent, signal: new AbortController().signal };
  const { dir } = await cachedFolder(cacheDir("layers", name), context, async (unfinished) => {
    await chmod(unfinished, 0o711);
    await runOnHost("mmdebstrap", ["--mode=root", ...args, path.join(unfinished, "root")]);
  });
  for (const other of await readdir(cacheDir("layers")))
    if (other.startsWith(start) && !other.startsWith(name))
      await rm(cacheDir("layers", other), { recursive: true, force: true });
  return path.join(dir, "root");
}

/** The image's program and Pulumi, which would take minutes to get. */
async function shareTools(cache: string): Promise<void> {
  await mkdir(path.join(cache, "toolchain"), { recursive: true });
  const tools = (await readdir(cacheDir("toolchain"))).filter((name) => /^(pulumi|consul)-/.test(name));
  for (const name of ["pulumi-home", ...tools.map((tool) => path.join("toolchain", tool))])
    await cp(cacheDir(name), path.join(cache, name), { recursive: true });
}

/**
 * Makes the copy, the namespace with it, and removes the copy when the namespace has ended; in a session of its own, so
 * that no ^C keeps it from that. Its arguments: the root, a folder for the copy, the checkout, the node modules, and what
 * the namespace's first process runs.
 */
const keeper = `cp --archive --reflink=auto "$1" "$2/root" &&
unshare --mount --propagation=private --pid --fork --kill-child sh -c "$5" sh "$2/root" "$3" "$4"
code=$?
rm -rf -- "$2"
exit $code`;

/** It lives as long as its input is open, and all others in the namespace end with it. */
const firstProcess = `set -e
read -r pid _ </proc/self/stat
mount --bind "$1" "$1"
cd "$1"
touch etc/resolv.conf
mount --bind /etc/resolv.conf etc/resolv.conf
mount --rbind /dev dev
mount --rbind /sys sys
mount -t proc proc proc
mount --bind "$2" srv
mkdir -p srv/node_modules
mount --bind "$3" srv/node_modules
pivot_root . mnt
cd /
echo "$pid"
exec cat >/dev/null`;

async function hold(made: string, folder: string, checkout: string, modules: string) {
  const holder = spawn("sh", ["-c", keeper, "sh", made, folder, checkout, modules, firstProcess], {
    // This process's end closes the input, in whatever way it ends.
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
    env: { PATH: hostPath() },
  });
  const ended = once(holder, "exit");
  const pid = await Promise.race([
    once(holder.stdout, "data").then(([line]) => String(line).trim()),
    ended.then(([code]) => {
      throw new Error(`the namespace of ${folder} can't be made (exit ${code})`);
    }),
  ]);
  return {
    pid,
    async leave() {
      holder.stdin.end();
      await ended;
    },
  };
}

async function runIn(pid: string, user: "root" | "me", command: readonly string[]): Promise<Ended> {
  const number = String(user === "root" ? 0 : me);
  const identity = ["setpriv", "--reuid", number, "--regid", number, "--clear-groups"];
  const inProject = ["sh", "-c", 'cd "$0" && exec "$@"', project];
  const proxies = Object.entries(process.env).filter(([name]) => /^(https?|no)_proxy$/i.test(name));
  const result = await execa("nsenter", ["--target", pid, "--mount", "--pid", ...identity, ...inProject, ...command], {
    extendEnv: false,
    env: {
      ...Object.fromEntries(proxies),
      LANG: "C.UTF-8",
      HOME: user === "root" ? "/root" : home,
      // An ordinary user's has no place for the administrator's programs.
      PATH: `/usr/local/bin:/usr/bin:/bin${user === "root" ? ":/usr/local/sbin:/usr/sbin:/sbin" : ""}`,
    },
    stdin: "ignore",
    reject: false,
    all: true,
  });
  return { exitCode: result.exitCode ?? -1, output: result.all, stdout: result.stdout };
}
