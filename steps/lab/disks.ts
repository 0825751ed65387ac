import { existsSync } from "node:fs";
import { mkdir, open, readFile, rename, rm, statfs, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { readPartitions } from "../../formats/mbr.ts";
import { MiB, sectorBytes } from "../../formats/units.ts";
import { UserError } from "../../lib/errors.ts";
import { inUnfinishedFolder, readAt } from "../../lib/files.ts";
import { runOnHost } from "../../lib/host.ts";
import type { VirtualMachine } from "./contract.ts";
import { dataLabel } from "./facts.ts";
import { fileOf } from "./folder.ts";

const dataBytes = 1024 * MiB;
/** With less free space, a machine would soon stop because its disks can't grow. */
const spaceMiB = 512;

/** Where the images' SSH servers keep their host key on the data disk. */
const hostKeyOnDisk = "ssh/ssh_host_ed25519_key";

/** Fails if the image does not exist, or the host's disk has no room for machines. */
export async function checkDisks({ dir, image }: VirtualMachine): Promise<void> {
  if (!existsSync(image.path))
    throw new UserError(
      `The image ${image.path} does not exist. Build it: ./piinit build ${imageName(image.path)} ${path.basename(path.dirname(dir))}`,
    );
  const { bavail, bsize } = await statfs(dir);
  const free = Math.floor((bavail * bsize) / MiB);
  if (free < spaceMiB)
    throw new UserError(`The disk of ${dir} has ${free} MiB free; a machine needs ${spaceMiB} or more. Free some.`);
}

/** Images are files NAME-DIGEST.img. */
function imageName(file: string): string {
  return path.basename(file, ".img").replace(/-[^-]*$/, "");
}

/** Recreates the machine's root disk from its image, and extracts kernel and command line from the image. */
export async function makeRoot({ dir, name, image }: VirtualMachine): Promise<void> {
  const root = fileOf(dir, name, "root");
  await rm(root, { force: true });
  const offset = await bootPartitionOffset(image.path);
  const files = { kernel: "vmlinuz", initrd: "initrd.img", commandLine: "cmdline.txt" } as const;
  for (const [kind, file] of Object.entries(files) as [keyof typeof files, string][])
    await runOnHost("mcopy", ["-n", "-o", "-i", `${image.path}@@${offset}`, `::${file}`, fileOf(dir, name, kind)], {
      // The builder's geometry is not that of a floppy disk.
      env: { MTOOLS_SKIP_CHECK: "1" },
      hint: `${image.path} is not an image for the lab, or is damaged: remove it and run ./piinit build`,
    });
  // Renamed when complete, so that a disk that exists is usable.
  const temporary = `${root}.tmp`;
  await runOnHost("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", image.path, temporary]);
  await rename(temporary, root);
}

/** The kernel's command line, as the image has it. */
export async function readCommandLine({ dir, name }: VirtualMachine): Promise<string> {
  return (await readFile(fileOf(dir, name, "commandLine"), "utf8")).trim();
}

/** Where the image's first partition begins, bytes. */
async function bootPartitionOffset(image: string): Promise<number> {
  const handle = await open(image);
  try {
    const [boot] = readPartitions(await readAt(handle, 0, sectorBytes)) ?? [];
    if (boot) return boot.offset;
  } finally {
    await handle.close();
  }
  throw new UserError(`${image} has no partition table: remove it and build it again with ./piinit build`);
}

/** Makes an empty data disk, with the machine's SSH host key (a private key's text) if given. */
export async function makeData({ dir, name }: VirtualMachine, hostKey?: string): Promise<void> {
  const data = fileOf(dir, name, "data");
  const temporary = `${data}.tmp`;
  await inUnfinishedFolder(dir, async (content) => {
    await writeFile(temporary, "", { mode: 0o600 });
    await truncate(temporary, dataBytes);
    if (hostKey !== undefined) await writeHostKey(content, hostKey);
    const owner = "root_owner=0:0,lazy_itable_init=1";
    await runOnHost("mke2fs", ["-q", "-F", "-t", "ext4", "-L", dataLabel, "-E", owner, "-d", content, temporary]);
    if (hostKey !== undefined) await giveToRoot(temporary, [path.dirname(hostKeyOnDisk), hostKeyOnDisk]);
    await rename(temporary, data);
  }).finally(() => rm(temporary, { force: true }));
}

async function writeHostKey(content: string, hostKey: string): Promise<void> {
  const file = path.join(content, hostKeyOnDisk);
  await mkdir(path.dirname(file), { mode: 0o700 });
  await writeFile(file, hostKey, { mode: 0o600 });
}

/** A plain user's files are the user's in the new file system too, and sshd refuses a key that isn't root's. */
async function giveToRoot(disk: string, files: string[]): Promise<void> {
  const commands = files.flatMap((file) => [`sif /${file} uid 0`, `sif /${file} gid 0`]);
  await runOnHost("debugfs", ["-w", "-f", "-", disk], { input: `${commands.join("\n")}\n` });
}
