import assert from "node:assert/strict";
import { mkdir, mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { usedInExt4 } from "../../../formats/ext4/used.ts";
import { MiB } from "../../../formats/units.ts";
import { runOnHost } from "../../../lib/host.ts";

/** Many groups of blocks, the last of them not whole. */
const bytes = 100 * MiB + 4096;

describe("what is in use of a file system", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit-used-"));
    await mkdir(path.join(folder, "source"));
    await writeFile(path.join(folder, "source", "large"), Buffer.alloc(20 * MiB, 1));
    for (let index = 0; index < 50; index++) await writeFile(path.join(folder, "source", String(index)), "x");
  });
  after(() => rm(folder, { recursive: true }));

  async function make(options: string[]): Promise<string> {
    const disk = path.join(folder, `disk ${options.join(" ")}`);
    await writeFile(disk, "");
    await truncate(disk, bytes);
    const source = path.join(folder, "source");
    await runOnHost("mke2fs", ["-q", "-F", "-t", "ext4", "-J", "size=4", ...options, "-d", source, disk]);
    // Holes among what is used.
    await runOnHost("debugfs", ["-w", "-f", "-", disk], { input: "rm 7\nrm 20\nrm 21\n" });
    return disk;
  }

  async function usedIn(disk: string): Promise<{ offset: number; bytes: number }[]> {
    const handle = await open(disk, "r");
    try {
      return await usedInExt4(
        async (offset, length) => (await handle.read(Buffer.alloc(length), 0, length, offset)).buffer,
        bytes,
      );
    } finally {
      await handle.close();
    }
  }

  for (const options of [
    ["-b", "1024"],
    ["-b", "1024", "-E", "lazy_itable_init=1", "-O", "^metadata_csum,uninit_bg"],
    ["-b", "1024", "-O", "^metadata_csum,^uninit_bg,^64bit,^flex_bg"],
    ["-b", "1024", "-O", "^sparse_super,^resize_inode"],
    ["-b", "1024", "-G", "4"],
    ["-b", "4096", "-g", "2048"],
  ]) {
    it(`is what its own tools say: mke2fs ${options.join(" ")}`, async () => {
      const disk = await make(options);
      const isFree = new Set(await freeBlocks(disk));
      const blockBytes = Number(options[1]);
      assert.ok(isFree.size > 0 && isFree.size < bytes / blockBytes);
      const used = new Set(
        (await usedIn(disk)).flatMap((extent) =>
          Array.from({ length: extent.bytes / blockBytes }, (_, index) => extent.offset / blockBytes + index),
        ),
      );
      const wrong = Array.from({ length: bytes / blockBytes }, (_, block) => block).filter(
        (block) => used.has(block) === isFree.has(block),
      );
      assert.deepEqual(wrong, []);
    });
  }

  it("is all of it where blocks are counted in another way", async () => {
    for (const feature of ["bigalloc", "meta_bg,^resize_inode", "sparse_super2,^resize_inode"])
      assert.deepEqual(await usedIn(await make(["-b", "4096", "-O", feature])), [{ offset: 0, bytes }], feature);
  });
});

async function freeBlocks(disk: string): Promise<number[]> {
  const list = await runOnHost("dumpe2fs", [disk], { env: { LC_ALL: "C" } });
  return [...list.matchAll(/^ +Free blocks: (.+)$/gm)].flatMap(([, ranges = ""]) =>
    [...ranges.matchAll(/(\d+)(?:-(\d+))?/g)].flatMap(([, first, last = first]) =>
      Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index),
    ),
  );
}
