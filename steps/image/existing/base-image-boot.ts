import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { UserError } from "../../../lib/errors.ts";
import { runOnHost } from "../../../lib/host.ts";
import { quote } from "../../../lib/shell.ts";
import type { BootFiles, InstalledSystem } from "../boot/boot-files.ts";
import { rootDevice } from "../manifest/geometry.ts";
import type { DiskLayout } from "../manifest/manifest.ts";
import { bootCommandLine } from "./base-changes.ts";

/** The packages layer's tar with the files of the FAT partition. */
const bootTar = "boot.tar";
const bootDescriptor = 7;

/** Redirects the hook's output to the tar. */
export const takeBootDescriptor = `${bootDescriptor}>${bootTar}`;

/** The second to last hook: writes the files of the FAT partition, which packages may have changed, and removes them. */
export const takeBootHook = (folder: string) =>
  `--customize-hook=cd "$1/"${quote(folder)} && tar --create --sort=name . >&${bootDescriptor} && find . -mindepth 1 -delete`;

/** The base image's own files, including its kernel; only the command line gets the given words and root device. */
export async function baseImageBootFiles(
  words: string,
  layout: DiskLayout,
  system: InstalledSystem,
): Promise<BootFiles> {
  const { layer, work } = system;
  const folder = path.join(work, "taken");
  await mkdir(folder);
  const tar = ["--extract", "--no-same-owner", "--file", path.join(layer, bootTar), "--directory", folder];
  await runOnHost("tar", tar, { signal: system.signal });
  const files: BootFiles = {};
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const file = path.join(folder, name);
    if ((await stat(file)).isFile()) files[name] = await readFile(file);
  }
  const { "cmdline.txt": commandLine } = files;
  if (!commandLine)
    throw new UserError("The base image has no cmdline.txt on its FAT partition: it is not for a Raspberry Pi.");
  const changed = bootCommandLine(commandLine.toString("latin1"), words, rootDevice(layout));
  return { ...files, "cmdline.txt": Buffer.from(`${changed}\n`, "latin1") };
}
