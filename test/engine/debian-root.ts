import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { cachedFolder } from "../../lib/cached-folder.ts";
import { findOnPath, hostPath, runOnHost } from "../../lib/host.ts";
import { digest } from "../../lib/json.ts";
import { cacheDir } from "../../lib/paths.ts";
import { silent } from "../../lib/progress.ts";

/** Programs of Debian 13, which start nothing on this computer, and are those that images have, whatever it has itself. */
export interface DebianRoot {
  dir: string;
  /** Where its architecture's libraries are. */
  libraries: string;
  /** How a program is started from there, such as "usr/bin/promtool": with the libraries beside it. */
  start(program: string): string[];
}

/** Says why it can't be had here, or nothing when it can. */
export async function whyNoDebianRoot(): Promise<string | undefined> {
  return (await findOnPath("mmdebstrap", { PATH: hostPath() })) ? undefined : "mmdebstrap is not installed";
}

/** The files of packages and of all that they need, from Debian's signed packages. */
export async function debianRoot(
  name: string,
  packages: readonly string[],
  more: readonly string[] = [],
): Promise<DebianRoot> {
  const args = [
    "--quiet",
    "--variant=extract",
    `--include=${packages.join(",")}`,
    '--aptopt=Acquire::Check-Valid-Until "false"',
    ...more,
    "trixie",
  ];
  const context = { progress: silent, signal: new AbortController().signal };
  const cached = cacheDir("tests", `${name}-${digest(args).slice(0, 16)}`);
  const { dir: folder } = await cachedFolder(cached, context, async (folder) => {
    const tar = path.join(folder, "root.tar");
    await runOnHost("mmdebstrap", [...args, tar]);
    await mkdir(path.join(folder, "root"));
    await runOnHost("tar", ["--exclude=./dev", "--no-same-owner", "-xf", tar, "-C", path.join(folder, "root")]);
    await rm(tar);
  });
  const dir = path.join(folder, "root");
  const usr = path.join(dir, "usr", "lib");
  const libraries = path.join(usr, (await readdir(usr)).find((entry) => /-linux-gnu/.test(entry)) ?? "");
  const loader = process.arch === "arm64" ? "lib/ld-linux-aarch64.so.1" : "lib64/ld-linux-x86-64.so.2";
  return {
    dir,
    libraries,
    start: (program) => [path.join(dir, "usr", loader), "--library-path", libraries, path.join(dir, program)],
  };
}
