import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type BlockMap, mappedBlocks } from "../../../formats/bmap.ts";
import { runOnHost } from "../../../lib/host.ts";
import { type Survey, surveyDisk } from "../../../steps/image/disk/survey.ts";
import { type Disk, makeDisk, makeUsedCard } from "./disk.ts";

const MiB = 1024 * 1024;

describe("the survey of a disk image", function () {
  this.timeout(60_000);
  let folder: string;
  let disk: Disk;
  let survey: Survey;
  const signal = new AbortController().signal;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit-survey-"));
    disk = await makeDisk(folder);
    survey = await surveyDisk(disk.file, signal);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("has the checksums of the whole and of each range, and omits most free blocks", async () => {
    const bytes = await readFile(disk.file);
    assert.deepEqual([survey.bytes, survey.map.imageBytes], [bytes.length, bytes.length]);
    assert.equal(survey.sha256, createHash("sha256").update(bytes).digest("hex"));
    for (const { first, last, checksum } of survey.map.ranges) {
      const range = bytes.subarray(first * 4096, (last + 1) * 4096);
      assert.equal(createHash("sha256").update(range).digest("hex"), checksum?.hex);
    }
    const mapped = mappedBlocks(survey.map) * 4096;
    assert.ok(mapped > 14 * MiB && mapped < 40 * MiB, `${mapped}`);
  });

  it("omits nothing but zeros", async () => {
    const bytes = await readFile(disk.file);
    const isMapped = mapper(survey.map);
    for (let block = 0; block * 4096 < bytes.length; block++) {
      if (isMapped(block)) continue;
      assert.ok(!bytes.subarray(block * 4096, (block + 1) * 4096).some((byte) => byte !== 0), `block ${block}`);
    }
  });

  it("includes all that the file systems need: they are sound on a card that was full of other data", async () => {
    const card = path.join(folder, "card.img");
    await makeUsedCard(card, survey.bytes);
    await copyMapped(disk.file, card, survey.map);
    const at = { cwd: folder };
    await runOnHost("e2fsck", ["-f", "-n", `card.img?offset=${disk.root.offset}`], at);
    await runOnHost("debugfs", ["-R", "dump /data data.copy", `card.img?offset=${disk.root.offset}`], at);
    assert.ok((await readFile(path.join(folder, "data.copy"))).equals(disk.data));
    // What was never played back from the journal's place must not look as if it could be.
    const journal = await runOnHost("debugfs", ["-R", "dump <8> journal", `card.img?offset=${disk.root.offset}`], at);
    assert.doesNotMatch(journal, /error/i);
    assert.ok(!(await readFile(path.join(folder, "journal"))).subarray(4096).some((byte) => byte !== 0));
    const drive = `card.img@@${disk.boot.offset}`;
    await runOnHost("mcopy", ["-i", drive, "::kernel.bin", "kernel.copy"], at);
    assert.ok((await readFile(path.join(folder, "kernel.copy"))).equals(disk.kernel));
    assert.match(await runOnHost("mdir", ["-b", "-i", drive, "::"], at), /^::\/kernel\.bin\s*$/);
    assert.match(await runOnHost("minfo", ["-i", drive, "::"], at), /free clusters/i);
  });

  it("includes everything of an image whose content it doesn't know", async () => {
    const file = path.join(folder, "unknown.img");
    await writeFile(file, Buffer.alloc(3 * MiB + 700));
    const { map } = await surveyDisk(file, signal);
    assert.deepEqual(
      map.ranges.map(({ first, last }) => [first, last]),
      [[0, 768]],
    );
  });
});

function mapper({ ranges }: BlockMap): (block: number) => boolean {
  return (block) => ranges.some(({ first, last }) => block >= first && block <= last);
}

async function copyMapped(from: string, to: string, { ranges, blockBytes }: BlockMap): Promise<void> {
  const [source, target] = await Promise.all([open(from, "r"), open(to, "r+")]);
  for (const { first, last } of ranges) {
    const buffer = Buffer.alloc((last - first + 1) * blockBytes);
    await source.read(buffer, 0, buffer.length, first * blockBytes);
    await target.write(buffer, 0, buffer.length, first * blockBytes);
  }
  await Promise.all([source.close(), target.close()]);
}
