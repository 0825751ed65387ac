import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { MiB } from "../../../formats/units.ts";
import { runOnHost } from "../../../lib/host.ts";
import { shrink, spareMiB } from "../../../steps/image/filesystem/shrink.ts";

describe("a shrunk file system", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit-shrink-"));
    await mkdir(path.join(folder, "source"));
    await writeFile(path.join(folder, "source", "file"), Buffer.alloc(20 * MiB, 1));
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function make(sizeMiB: number): Promise<string> {
    const disk = path.join(folder, "disk");
    await writeFile(disk, "");
    await truncate(disk, sizeMiB * MiB);
    await runOnHost("mke2fs", ["-q", "-F", "-t", "ext4", "-b", "4096", "-d", path.join(folder, "source"), disk]);
    return disk;
  }

  it("is sound and has spare space", async () => {
    const disk = await make(1024);
    await shrink(disk, new AbortController().signal);
    const { size } = await stat(disk);
    assert.ok(size > (20 + spareMiB) * MiB && size < (20 + spareMiB + 60) * MiB, `${size}`);
    await runOnHost("e2fsck", ["-f", "-n", disk]);
  });

  it("stays as it is if it is already that small", async () => {
    const disk = await make(48);
    await shrink(disk, new AbortController().signal);
    assert.equal((await stat(disk)).size, 48 * MiB);
  });
});
