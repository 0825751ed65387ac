import { mkdir, open, rm, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { runOnHost } from "../../lib/host.ts";

const MiB = 1024 * 1024;

interface Partition {
  type: number;
  label: string;
  files?: Record<string, string>;
}

/** Makes a disk that has nothing to do with this project, with partitions of 64 MiB each; ext4 where the type is Linux's. */
async function makeDisk(file: string, partitions: Partition[]): Promise<void> {
  const sector = Buffer.alloc(512);
  sector.writeUInt16LE(0xaa55, 510);
  sector.writeUInt32LE(0x5eed0001, 440);
  partitions.forEach(({ type }, index) => {
    const at = 446 + 16 * index;
    sector.writeUInt8(type, at + 4);
    sector.writeUInt32LE((offsetOf(index) / 512) >>> 0, at + 8);
    sector.writeUInt32LE((partitionMiB * MiB) / 512, at + 12);
  });
  await writeFile(file, sector, { mode: 0o600 });
  await truncate(file, offsetOf(partitions.length) + MiB);
  for (const [index, partition] of partitions.entries()) await format(file, offsetOf(index), partition);
}

const partitionMiB = 64;
const offsetOf = (index: number) => (1 + index * partitionMiB) * MiB;

async function format(disk: string, offset: number, { type, label, files = {} }: Partition): Promise<void> {
  if (type !== 0x83) {
    const size = ["-T", String((partitionMiB * MiB) / 512), "-h", "255", "-s", "63", "-v", label];
    await runOnHost("mformat", ["-i", `${disk}@@${offset}`, ...size, "::"]);
    return;
  }
  const folder = `${disk}.files`;
  await mkdir(folder);
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
  const options = ["-q", "-F", "-t", "ext4", "-L", label, "-E", `offset=${offset}`, "-d", folder];
  await runOnHost("mke2fs", [...options, disk, `${partitionMiB}M`]);
  await rm(folder, { recursive: true });
}

/** Another Linux, with the names that file systems of ours have too, and somebody's home. */
export const makeOtherSystem = (file: string): Promise<void> =>
  makeDisk(file, [
    { type: 0x0c, label: "BOOT" },
    { type: 0x83, label: "root", files: { hostname: "other\n" } },
    { type: 0x83, label: "home", files: { letter: "the only copy\n" } },
  ]);

/** A disk for somebody's data, called just that. */
export const makeDataDisk = (file: string): Promise<void> =>
  makeDisk(file, [{ type: 0x83, label: "data", files: { letter: "the only copy\n" } }]);

const cardBytes = 8 * 1024 ** 3;

/** A card of 8 GiB that an image has just been written to. */
export async function makeFreshCard(file: string, image: string): Promise<void> {
  await runOnHost("cp", ["--sparse=always", image, file]);
  const handle = await open(file, "r+");
  await handle.truncate(cardBytes);
  await handle.close();
}
