import { randomBytes } from "node:crypto";
import { mkdir, open, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { masterBootRecord } from "../../../formats/mbr.ts";
import { runOnHost } from "../../../lib/host.ts";
import { diskGeometry } from "../../../steps/image/manifest/geometry.ts";

const MiB = 1024 * 1024;
const geometry = diskGeometry({ firmware: "raspberry-pi", bootMiB: 64, rootMiB: 64, grows: false });

export interface Disk {
  file: string;
  boot: { offset: number };
  root: { offset: number };
  /** What its file systems hold; the last MiB of each is zeros. */
  kernel: Buffer;
  data: Buffer;
}

/** Makes the image of a card with a FAT and an ext4 partition, mostly empty, with a file in each, as images here are made. */
export async function makeDisk(folder: string): Promise<Disk> {
  const file = path.join(folder, "disk.img");
  const [kernel, data] = [5, 7].map((size) => Buffer.concat([randomBytes(size * MiB), Buffer.alloc(MiB)])) as [
    Buffer,
    Buffer,
  ];
  await writeFile(file, masterBootRecord(geometry, 0x12345678), { mode: 0o600 });
  await truncate(file, geometry.bytes);
  await mkdir(path.join(folder, "root", "etc"), { recursive: true });
  await writeFile(path.join(folder, "root", "data"), data);
  await writeFile(path.join(folder, "kernel.bin"), kernel);
  const options = { cwd: folder };
  const offset = `offset=${geometry.root.offset},lazy_itable_init=1`;
  const sizes = ["-b", "4096", "-J", "size=4", "-E", offset];
  await runOnHost("mke2fs", ["-q", "-F", "-t", "ext4", ...sizes, "-d", "root", file, String(64 * 256)], options);
  const drive = `disk.img@@${geometry.boot.offset}`;
  const [sectors, hidden] = [geometry.boot, { bytes: geometry.boot.offset }].map(({ bytes }) => String(bytes / 512));
  const size = ["-T", sectors ?? "", "-h", "255", "-s", "63", "-H", hidden ?? ""];
  await runOnHost("mformat", ["-i", drive, "-F", ...size, "::"], options);
  await runOnHost("mcopy", ["-i", drive, "kernel.bin", "::"], options);
  return { file, boot: geometry.boot, root: geometry.root, kernel, data };
}

/** A file that is full of something: a card that was used before. */
export async function makeUsedCard(file: string, bytes: number): Promise<void> {
  const handle = await open(file, "w", 0o600);
  const chunk = Buffer.alloc(MiB, 0xa5);
  for (let position = 0; position < bytes; position += MiB) {
    await handle.write(chunk, 0, Math.min(MiB, bytes - position), position);
  }
  await handle.close();
}
