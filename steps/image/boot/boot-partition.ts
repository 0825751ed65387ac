import { mkdir, open, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { masterBootRecord } from "../../../formats/mbr.ts";
import { type Extent, MiB, sectorBytes } from "../../../formats/units.ts";
import { UserError } from "../../../lib/errors.ts";
import { runOnHost } from "../../../lib/host.ts";
import { freshDiskId, type Geometry } from "../manifest/geometry.ts";
import { imageTime } from "../manifest/image-time.ts";
import type { DiskLayout } from "../manifest/manifest.ts";
import { slotFolder } from "../manifest/slots.ts";
import type { BootFiles } from "./boot-files.ts";

/** Writes the partition table and the FAT partition. @param work a folder for temporary files */
export async function writeBootPartition(
  disk: string,
  geometry: Geometry,
  files: BootFiles,
  work: string,
  signal: AbortSignal,
): Promise<void> {
  await writeFirstSector(disk, masterBootRecord(geometry, freshDiskId));
  await writeFat(disk, geometry.boot, files, work, signal);
}

/** Appends lines to config.txt in a section for all models. */
export function withConfig(files: BootFiles, lines: readonly string[]): BootFiles {
  if (lines.length === 0) return files;
  const added = ["", "[all]", ...lines, ""].join("\n");
  return { ...files, "config.txt": Buffer.concat([files["config.txt"] ?? Buffer.alloc(0), Buffer.from(added)]) };
}

/** @throws UserError if the files don't fit into the FAT partition */
export function checkBootRoom(image: string, { bootMiB, slots }: Room, files: BootFiles): void {
  const bytes = Object.entries(files).map(
    ([name, { length }]) => (name.startsWith(slotFolder) ? (slots ?? 1) : 1) * length,
  );
  // The file system's tables need some space, and the next kernel may be larger.
  const needed = Math.ceil((bytes.reduce((sum, size) => sum + size, 0) * 1.1) / MiB) + 1;
  if (needed <= bootMiB) return;
  throw new UserError(`The image "${image}" has a boot partition of ${bootMiB} MiB, but needs ${needed} MiB.`);
}

type Room = Pick<DiskLayout, "bootMiB" | "slots">;

async function writeFirstSector(disk: string, sector: Buffer): Promise<void> {
  const handle = await open(disk, "r+");
  try {
    await handle.write(sector, 0, sector.length, 0);
  } finally {
    await handle.close();
  }
}

async function writeFat(
  disk: string,
  { offset, bytes }: Extent,
  files: BootFiles,
  work: string,
  signal: AbortSignal,
): Promise<void> {
  const folder = path.join(work, "boot");
  for (const [name, data] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, data, { mode: 0o600 });
  }
  // mtools would take "@@" in an absolute path for the offset.
  const drive = `${path.relative(folder, disk)}@@${offset}`;
  const options = { cwd: folder, env: { SOURCE_DATE_EPOCH: String(imageTime), TZ: "UTC" }, signal };
  const size = ["-T", String(bytes / sectorBytes), "-h", "255", "-s", "63", "-H", String(offset / sectorBytes)];
  const fat32 = bytes >= 64 * MiB ? ["-F"] : [];
  await runOnHost(
    "mformat",
    ["-i", drive, ...fat32, ...size, "-v", "BOOT", "-N", freshDiskId.toString(16), "::"],
    options,
  );
  await runOnHost("mcopy", ["-s", "-i", drive, ...(await readdir(folder)).sort(), "::"], options);
}
