import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeSync,
} from "node:fs";
import { mkdtemp, open, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type BurnContext, burn } from "../../../burn/burn.ts";
import { inspectImage } from "../../../burn/image-file.ts";
import { blockMapFileOf, renderBlockMap } from "../../../formats/bmap.ts";
import { Interrupted } from "../../../lib/errors.ts";
import { makeUsedCard } from "./disk.ts";

const MiB = 1024 * 1024;
const block = 4096;

describe("burning into a file", function () {
  this.timeout(60_000);
  let folder: string;
  const at = (name: string) => path.join(folder, name);
  const quiet: BurnContext = { signal: new AbortController().signal, report() {} };
  const toNewFile = (image: string, context = quiet) =>
    inspectImage(image).then((file) => burn(file, { kind: "file", path: at("card"), bytes: 0 }, context));
  const toUsedCard = (image: string, bytes: number, context = quiet) =>
    inspectImage(image).then((file) => burn(file, { kind: "file", path: at("card"), bytes }, context));

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit burn "));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("reproduces every image, whatever its compression", async () => {
    for (let seed = 1; seed <= 18; seed++) {
      const { bytes, mapped } = randomImage(seed);
      const packed = seed % 6 === 1 ? "img.xz" : seed % 3 === 2 ? "img.zst" : "img";
      const hasMap = seed % 2 === 0;
      const image = await writeImage(at(`${seed}.${packed}`), bytes, hasMap ? mapped : undefined);
      assert.equal(await toNewFile(image), bytes.length);
      assert.ok((await readFile(at("card"))).equals(bytes), `seed ${seed}: a new file`);
      assert.equal((await stat(at("card"))).mode & 0o777, 0o600);
      await rm(at("card"));

      // Where a file ends within a sector, it is written through the cache.
      const room = Math.ceil(bytes.length / MiB + 1) * MiB + (seed % 4 === 1 ? 100 : 0);
      await makeUsedCard(at("card"), room);
      await toUsedCard(image, room);
      const card = await readFile(at("card"));
      const expected = Buffer.alloc(room, 0xa5);
      for (const [start, end] of hasMap ? mapped : [[0, bytes.length] as const])
        bytes.copy(expected, start, start, end);
      // The last page is filled with zeros.
      expected.fill(
        0,
        bytes.length,
        hasMap && mapped.at(-1)?.[1] !== bytes.length ? 0 : Math.ceil(bytes.length / block) * block,
      );
      assert.ok(card.equals(expected), `seed ${seed}: a card that was used before`);
      await rm(at("card"));
    }
  });

  it("bypasses the system's cache if the file system supports that", async function () {
    const flag = constants.O_DIRECT;
    try {
      closeSync(openSync(at("probe"), constants.O_CREAT | constants.O_RDWR | flag));
    } catch {
      this.skip();
    }
    const image = await writeImage(at("disk.img"), randomBytes(9 * MiB));
    const seen = new Set<boolean>();
    await toNewFile(image, { ...quiet, report: () => seen.add((flagsOf(at("card")) & flag) !== 0) });
    assert.deepEqual([...seen], [true]);
  });

  it("detects a bit that changed after it was written", async () => {
    const image = await writeImage(at("disk.img"), randomBytes(9 * MiB));
    await makeUsedCard(at("card"), 12 * MiB);
    for (const place of [4 * MiB, 9 * MiB - 1]) {
      const failing = toUsedCard(image, 12 * MiB, {
        ...quiet,
        report: (phase, done) => phase === "verifying" && done === 0 && flipBit(at("card"), place),
      });
      await assert.rejects(failing, /did not store what was written to it, somewhere between 0\.0 and 9\.4 MB/);
      assert.ok(await startsNothing(at("card")), "a card that isn't right has a partition table");
    }
  });

  it("detects an image that changed while it was burned", async () => {
    const bytes = randomBytes(16 * MiB);
    for (const hasMap of [true, false]) {
      const image = await writeImage(at("disk.img"), bytes, hasMap ? [[0, bytes.length]] : undefined);
      const failing = toNewFile(image, {
        ...quiet,
        report: (phase, done) => phase === "writing" && done === 4 * MiB && flipBit(image, 15 * MiB),
      });
      await assert.rejects(failing, hasMap ? /doesn't match its block map/ : /changed while it was being burned/);
      assert.ok(!existsSync(at("card")), "what isn't whole was left");
      await rm(blockMapFileOf(image), { force: true });
    }
  });

  it("ends when interrupted, and leaves nothing that looks complete", async () => {
    for (const packed of ["img", "img.zst"]) {
      const image = await writeImage(at(`disk.${packed}`), randomBytes(13 * MiB));
      await makeUsedCard(at("card"), 16 * MiB);
      for (const phase of ["writing", "verifying"]) {
        const interrupt = new AbortController();
        const failing = toUsedCard(image, 16 * MiB, {
          signal: interrupt.signal,
          report: (now, done) => now === phase && done > 0 && interrupt.abort(new Interrupted("stop")),
        });
        await assert.rejects(failing, Interrupted);
        assert.ok(await startsNothing(at("card")));
      }
    }
  });

  it("reports an image that is truncated or damaged", async () => {
    const plain = await writeImage(at("disk.img"), randomBytes(6 * MiB), [[0, 6 * MiB]]);
    await truncate(plain, 5 * MiB);
    await assert.rejects(toNewFile(plain), /block map .*disk\.bmap belongs to another image/);
    const packed = await writeImage(at("packed.img.xz"), randomBytes(6 * MiB));
    await damage(packed);
    await assert.rejects(toNewFile(packed), /can't be decompressed; it seems to be damaged: xz: .*packed\.img\.xz/);
    for (const [name, start] of [
      ["a.zip", "504b0304"],
      ["a.img.gz", "1f8b0800"],
    ] as const) {
      await writeFile(at(name), Buffer.from(start.padEnd(64, "0"), "hex"));
      await assert.rejects(toNewFile(at(name)), /unpack it, or compress it with xz or zstd/);
    }
    await assert.rejects(toNewFile(at("none.img")), /can't be read \(ENOENT\)/);
    assert.ok(!existsSync(at("card")));
  });

  it("stops at the target's end if an image doesn't record its size", async () => {
    const image = at("stream.img.zst");
    const options = { input: randomBytes(6 * MiB), maxBuffer: 8 * MiB };
    await writeFile(image, execFileSync("zstd", ["-q"], options));
    assert.equal((await inspectImage(image)).bytes, undefined);
    assert.equal(await toNewFile(image), 6 * MiB);
    await rm(at("card"));
    await makeUsedCard(at("card"), 5 * MiB);
    await assert.rejects(toUsedCard(image, 5 * MiB), /card is smaller than the image/);
    assert.ok(await startsNothing(at("card")));
  });
});

/** Bytes with holes, of any size, and the blocks that a map has to name: those that aren't zeros, and some more. */
function randomImage(seed: number): { bytes: Buffer; mapped: [start: number, end: number][] } {
  const random = randomNumbers(seed);
  const length = seed % 4 === 0 ? 1 + random(3 * block) : random(8 * MiB) + 1;
  const bytes = Buffer.alloc(length);
  const mapped: [number, number][] = [];
  for (let from = random(3) * block; from < length; ) {
    const end = Math.min(length, from + (1 + random(random(2) === 0 ? 20 : 1200)) * block);
    if (random(5) > 0) randomBytes(end - from).copy(bytes, from);
    mapped.push([from, end]);
    from = end + (1 + random(random(2) === 0 ? 5 : 1500)) * block;
  }
  return { bytes, mapped };
}

/** The same numbers for the same seed. */
function randomNumbers(seed: number): (below: number) => number {
  let count = 0;
  return (below) => createHash("sha256").update(`${seed} ${count++}`).digest().readUInt32LE(0) % below;
}

/** Writes the image as its name says, and its map beside it if there is one. */
async function writeImage(
  file: string,
  bytes: Buffer,
  mapped?: readonly (readonly [number, number])[],
): Promise<string> {
  const program = { ".xz": "xz", ".zst": "zstd" }[path.extname(file)];
  const plain = file.replace(/\.(xz|zst)$/, "");
  await writeFile(plain, bytes);
  if (program) execFileSync(program, ["-q", "-k", "-1", plain]);
  if (!mapped) return file;
  const ranges = mapped.map(([start, end]) => {
    const hex = createHash("sha256").update(bytes.subarray(start, end)).digest("hex");
    return { first: start / block, last: Math.ceil(end / block) - 1, checksum: { algorithm: "sha256" as const, hex } };
  });
  await writeFile(blockMapFileOf(file), renderBlockMap({ imageBytes: bytes.length, blockBytes: block, ranges }));
  return file;
}

function flipBit(file: string, place: number): void {
  const handle = openSync(file, "r+");
  const byte = readFileSync(file).subarray(place, place + 1);
  writeSync(handle, Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, place);
  closeSync(handle);
}

async function damage(file: string): Promise<void> {
  const handle = await open(file, "r+");
  await handle.write(Buffer.alloc(1000, 7), 0, 1000, 3 * MiB);
  await handle.close();
}

const startsNothing = async (card: string): Promise<boolean> => {
  const start = (await readFile(card)).subarray(0, MiB);
  return start.equals(Buffer.alloc(MiB));
};

/** How this process has the file open. */
function flagsOf(file: string): number {
  const links = readdirSync("/proc/self/fd").filter((number) => {
    try {
      return readlinkSync(`/proc/self/fd/${number}`) === file;
    } catch {
      return false;
    }
  });
  const flags = links.map(
    (number) => /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${number}`, "utf8"))?.[1],
  );
  return Number.parseInt(flags[0] ?? "0", 8);
}
