import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { cachedFolder } from "../../../../lib/cached-folder.ts";
import { findOnPath, hostPath, runOnHost } from "../../../../lib/host.ts";
import { digest } from "../../../../lib/json.ts";
import { cacheDir } from "../../../../lib/paths.ts";
import { silent } from "../../../../lib/progress.ts";

/** Says why Kea can't be had here, or nothing when it can. */
export async function whyNoKea(): Promise<string | undefined> {
  return (await findOnPath("mmdebstrap", { PATH: hostPath() })) ? undefined : "mmdebstrap is not installed";
}

export type Generation = 2 | 3;

/** Debian 13 has Kea 2.6; as a backport it has Kea 3.0, with the hook library `host_cmds` and an HTTP socket of its own. */
const suites: Readonly<Record<Generation, string>> = { 2: "trixie", 3: "trixie-backports" };

/** Backports are next to the suite on mmdebstrap's mirror, whichever that is. */
const addBackports = `cd "$1/etc/apt" && sed -n 's/ trixie / trixie-backports /p' sources.list >sources.list.d/backports.list`;

/** Where the files of a Kea are, with those that can talk to its socket, and every library that they need; from Debian's signed packages. */
export async function keaRoot(generation: Generation): Promise<string> {
  const args = [
    "--quiet",
    "--variant=extract",
    "--include=kea-dhcp4-server,kea-common,kea-ctrl-agent,socat,netcat-openbsd",
    `--aptopt=APT::Default-Release "${suites[generation]}"`,
    '--aptopt=Acquire::Check-Valid-Until "false"',
    ...(generation === 3 ? [`--setup-hook=${addBackports}`] : []),
    "trixie",
  ];
  const name = `kea-${generation}-${digest(args).slice(0, 16)}`;
  const context = { progress: silent, signal: new AbortController().signal };
  const { dir } = await cachedFolder(cacheDir("tests", name), context, async (folder) => {
    const tar = path.join(folder, "root.tar");
    await runOnHost("mmdebstrap", [...args, tar]);
    await mkdir(path.join(folder, "root"));
    await runOnHost("tar", ["--exclude=./dev", "--no-same-owner", "-xf", tar, "-C", path.join(folder, "root")]);
    await rm(tar);
  });
  return path.join(dir, "root");
}

/** How programs are started from there, such as "usr/sbin/kea-dhcp4": with the libraries beside them, whatever this machine has. */
export async function keaPrograms(root: string): Promise<{ start(program: string): string[]; hooks: string }> {
  const usr = path.join(root, "usr", "lib");
  const triplet = (await readdir(usr)).find((name) => /-linux-gnu/.test(name)) ?? "";
  const libraries = path.join(usr, triplet);
  const loader = process.arch === "arm64" ? "lib/ld-linux-aarch64.so.1" : "lib64/ld-linux-x86-64.so.2";
  return {
    start: (program) => [path.join(root, "usr", loader), "--library-path", libraries, path.join(root, program)],
    hooks: path.join(libraries, "kea", "hooks"),
  };
}
