import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough, Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { UserError } from "../../../../lib/errors.ts";
import { silent } from "../../../../lib/progress.ts";
import type { Contents } from "../../../../steps/image/layers/contents.ts";
import {
  type Header,
  mark,
  parseHeader,
  readIncoming,
  receiveBundle,
  receiveImage,
  sendImage,
} from "../../../../steps/image/remote/transfer.ts";
import { updateFileOf } from "../../../../steps/image-names.ts";

const KiB = 1024;
/** Data at odd places, with holes before, between and after it. */
const image = Buffer.concat([
  Buffer.alloc(1024 * KiB),
  randomBytes(10 * KiB + 7),
  Buffer.alloc(2048 * KiB + 1),
  randomBytes(1),
  Buffer.alloc(1024 * KiB),
]);
const sha256 = createHash("sha256").update(image).digest("hex");
const header = (more: Partial<Contents> = {}): Header => ({
  contents: { bytes: image.length, sha256, ...more } as Contents,
  blockMap: "<bmap/>\n",
  reused: [],
  bundleBytes: 0,
  diskBytes: image.length,
});

describe("an image in transit from the builder", () => {
  let folder: string;
  const file = () => path.join(folder, "disk.img");
  /** In pieces that end anywhere. */
  const inPieces = (bytes: Buffer) =>
    Readable.from(
      (function* () {
        for (let start = 0; start < bytes.length; start += 1001) yield bytes.subarray(start, start + 1001);
      })(),
    );
  const receive = (bytes: Buffer, wanted = header()) => receiveImage(wanted, inPieces(bytes), file(), silent);

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit-transfer-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("arrives byte for byte, behind its header and whatever a login prints", async () => {
    const source = path.join(folder, "source.img");
    await writeFile(source, image);
    const line = new PassThrough();
    line.write("Welcome to the builder!\n");
    const context = { progress: silent, signal: new AbortController().signal };
    const built = { path: source, sha256, bytes: image.length, seconds: 1, reused: ["base" as const] };
    const sent = sendImage(built, header().contents, header().blockMap, line, context).then(() => line.end());
    const incoming = readIncoming(line);
    const received = parseHeader((await incoming.line()) ?? "") as Header;
    assert.deepEqual({ ...received, diskBytes: 0 }, { ...header(), reused: ["base"], diskBytes: 0 });
    assert.ok(received.diskBytes > 0);
    assert.equal(await receiveImage(received, incoming.rest(), file(), silent), true);
    await sent;
    assert.ok((await readFile(file())).equals(image));
  });

  it("has its update before it, and neither is taken for whole when that ends early", async () => {
    const source = path.join(folder, "source.img");
    const update = randomBytes(70_001);
    await writeFile(source, image);
    await writeFile(updateFileOf(source), update);
    const line = new PassThrough();
    const context = { progress: silent, signal: new AbortController().signal };
    const built = { path: source, sha256, bytes: image.length, seconds: 1, reused: [] };
    const sent = sendImage(built, header().contents, header().blockMap, line, context).then(() => line.end());
    const incoming = readIncoming(line);
    const received = parseHeader((await incoming.line()) ?? "") as Header;
    assert.equal(received.bundleBytes, update.length);
    const place = updateFileOf(file());
    assert.equal(await receiveBundle(received, incoming.bytes(received.bundleBytes), place, silent), true);
    assert.equal(await receiveImage(received, incoming.rest(), file(), silent), true);
    await sent;
    assert.ok((await readFile(place)).equals(update) && (await readFile(file())).equals(image));
    assert.equal((await stat(place)).mode & 0o777, 0o600);
    await rm(place);
    const early = readIncoming(inPieces(update.subarray(0, 70_000))).bytes(update.length);
    assert.equal(await receiveBundle(received, early, place, silent), false);
  });

  it("has holes where it is empty, and can be read by its owner alone", async () => {
    await receive(gzipSync(image));
    const { blocks, mode, size } = await stat(file());
    assert.equal(size, image.length);
    assert.ok(blocks * 512 < image.length / 10, `${blocks} blocks`);
    assert.equal(mode & 0o777, 0o600);
  });

  it("is not taken for whole when its end is missing", async () => {
    const compressed = gzipSync(image);
    for (const length of [0, 5, compressed.length - 9, compressed.length - 1])
      assert.equal(await receive(compressed.subarray(0, length)).finally(() => rm(file())), false, `${length} bytes`);
  });

  it("is refused when it isn't what was built", async () => {
    const damaged = Buffer.from(gzipSync(image));
    damaged.writeUInt8(damaged.readUInt8(5000) ^ 1, 5000);
    for (const [bytes, wanted] of [
      [damaged, header()],
      [Buffer.from("not compressed at all"), header()],
      [gzipSync(image), header({ sha256: "0".repeat(64) })],
      [gzipSync(image), header({ bytes: 1 })],
    ] as const) {
      const refused = (error: Error) => error instanceof UserError && /damaged in transit/.test(error.message);
      await assert.rejects(receive(bytes, wanted), refused);
      await rm(file());
    }
  });

  it("is not begun on a disk that has no room for it", async () => {
    const huge = { ...header(), diskBytes: Number.MAX_SAFE_INTEGER };
    await assert.rejects(receive(gzipSync(image), huge), /MiB free, but the image needs about .* Free some space/);
    await assert.rejects(stat(file()), { code: "ENOENT" });
  });
});

describe("what comes from the builder", () => {
  it("is lines that are marked, in any pieces, and an end", async () => {
    const bytes = Buffer.from(`motd\n${mark}ready\n\nnoise ${mark}\n${mark}{"ä":1}\nrest`);
    const incoming = readIncoming(Readable.from([...bytes].map((byte) => Buffer.from([byte]))));
    assert.deepEqual([await incoming.line(), await incoming.line()], ["ready", '{"ä":1}']);
    const rest: Buffer[] = [];
    for await (const chunk of incoming.rest()) rest.push(chunk);
    assert.equal(Buffer.concat(rest).toString(), "rest");
    assert.equal(await readIncoming(Readable.from([bytes.subarray(0, 7)])).line(), undefined);
  });

  it("is no header when it is anything else", () => {
    const { contents, ...rest } = header();
    for (const other of ["", "{", "null", "{}", "[]", rest, { ...rest, contents: { ...contents, bytes: "1" } }])
      assert.equal(parseHeader(typeof other === "string" ? other : JSON.stringify(other)), undefined);
  });

  it("is refused when no line ends", async () => {
    const piece = Buffer.alloc(8 << 20, "x");
    const endless = Readable.from(Array.from({ length: 12 }, () => piece));
    await assert.rejects(readIncoming(endless).line(), UserError);
  });
});
