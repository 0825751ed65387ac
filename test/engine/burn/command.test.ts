import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { listDrives } from "../../../burn/drives.ts";
import { blockMapFileOf, renderBlockMap } from "../../../formats/bmap.ts";
import { runOnHost } from "../../../lib/host.ts";
import { projectDir } from "../../../lib/paths.ts";
import { quoteCommand } from "../../../lib/shell.ts";
import { surveyDisk } from "../../../steps/image/disk/survey.ts";
import { type Disk, makeDisk, makeUsedCard } from "../../unit/burn/disk.ts";

const MiB = 1024 * 1024;

interface Event {
  event: string;
  phase?: string;
  message?: string;
  done?: number;
  total?: number;
}

interface Result {
  code: number | null;
  events: Event[];
  errors: string;
}

/** The whole command, as a person or a script runs it. */
describe("./piinit burn", function () {
  this.timeout(120_000);
  let folder: string;
  let disk: Disk;
  const at = (name: string) => path.join(folder, name);

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit burn "));
    disk = await makeDisk(folder);
    const { map } = await surveyDisk(disk.file, new AbortController().signal);
    await writeFile(blockMapFileOf(disk.file), renderBlockMap(map));
  });
  after(() => rm(folder, { recursive: true, force: true }));
  afterEach(() => rm(at("card"), { force: true }));

  const start = (...args: string[]): ChildProcess => startProgram(["./piinit", "burn", ...args]);
  const startProgram = ([program = "", ...args]: string[]): ChildProcess =>
    spawn(program, args, {
      cwd: projectDir,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, SUDO_USER: undefined },
    });
  /** Sends what ^C sends, to all processes of the command, when it says that. */
  const pressWhen = (child: ChildProcess, said: string) =>
    child.stdout?.on("data", (chunk) => String(chunk).includes(said) && process.kill(-(child.pid ?? 0), "SIGINT"));
  async function resultOf(child: ChildProcess): Promise<Result> {
    const [output, errors] = [child.stdout, child.stderr].map((stream) => text(stream as NodeJS.ReadableStream));
    const [code] = (await once(child, "close")) as [number | null];
    const lines = ((await output) ?? "").split("\n").filter(Boolean);
    return { code, events: lines.map((line) => JSON.parse(line) as Event), errors: (await errors) ?? "" };
  }
  const burnTo = (target: string, ...more: string[]) =>
    resultOf(start(disk.file, "--drive", target, "--yes", "--json", ...more));
  const isWhole = async (card: string) => (await readFile(card)).equals(await readFile(disk.file));

  it("writes an image into a new file and prints each step as a line of JSON", async () => {
    const { code, events, errors } = await burnTo(at("card"));
    assert.equal(code, 0, errors);
    assert.ok(await isWhole(at("card")));
    const [first, ...rest] = events;
    assert.equal(first?.event, "image");
    assert.equal(rest.at(-1)?.event, "written");
    for (const phase of ["writing", "verifying"]) {
      const [begin, ...others] = rest.filter((event) => event.phase === phase);
      assert.equal(begin?.done, 0);
      assert.equal(others.at(-1)?.done, begin?.total);
    }
    assert.match(errors, /card: written in .* s, verified in .* s\.$/m);
  });

  it("writes several at once, from any compression", async () => {
    for (const [program, ending] of [
      ["xz", "xz"],
      ["zstd", "zst"],
    ] as const) {
      const packed = `${disk.file}.${ending}`;
      await runOnHost(program, ["-q", "-k", "-1", disk.file]);
      const cards = [at("card"), at("card2"), at("card3")];
      const drives = cards.flatMap((card) => ["--drive", card]);
      const { code, errors } = await resultOf(start(packed, ...drives, "--yes", "--json"));
      assert.equal(code, 0, errors);
      for (const card of cards) {
        assert.ok(await isWhole(card));
        await rm(card);
      }
      await rm(packed);
    }
  });

  it("uses bmaptool's map, and bmaptool uses ours", async () => {
    await runOnHost("bmaptool", ["--quiet", "copy", disk.file, at("card")]);
    assert.ok(await isWhole(at("card")));
    await rm(at("card"));
    const image = at("other.img");
    await runOnHost("cp", ["--sparse=always", disk.file, image]);
    await runOnHost("bmaptool", ["--quiet", "create", "--output", blockMapFileOf(image), image]);
    const { code, events, errors } = await resultOf(start(image, "--drive", at("card"), "--yes", "--json"));
    assert.equal(code, 0, errors);
    assert.ok(await isWhole(at("card")));
    const { total = 0 } = events.find(({ event }) => event === "progress") ?? {};
    assert.ok(total > 0 && total < 40 * MiB, `${total} bytes were written`);
  });

  it("refuses with exit code 2 and the reason, and changes nothing", async () => {
    await makeUsedCard(at("card"), 4 * MiB);
    const before = await readFile(at("card"));
    const small = await burnTo(at("card"));
    assert.deepEqual([small.code, small.events.at(-1)?.event], [2, "refused"]);
    assert.match(small.errors, /card has 4\.2 MB, but the image needs 138 MB/);
    assert.ok((await readFile(at("card"))).equals(before));

    const both = await burnTo("/dev/full", "--drive", at("card2"));
    assert.equal(both.code, 2);
    assert.ok(!existsSync(at("card2")), "the other target was written");

    await makeUsedCard(at("card"), 140 * MiB);
    const unasked = await resultOf(start(disk.file, "--drive", at("card"), "--json"));
    assert.equal(unasked.code, 2);
    assert.match(unasked.errors, /--yes/);
    const unnamed = await resultOf(start(disk.file, "--yes", "--json"));
    assert.equal(unnamed.code, 2);
  });

  it("refuses the disk that this system runs from", async function () {
    const own = (await listDrives()).filter(({ mounts }) => mounts.some(({ at: place }) => place === "/"));
    if (own.length === 0) this.skip();
    for (const { path: drive, parts } of own) {
      for (const name of [drive, ...parts]) {
        const { code, errors } = await burnTo(name, "--allow-large");
        assert.equal(code, 2);
        assert.match(errors, name === drive ? /is a disk of this system: \// : /is part of .*: name the whole drive/);
      }
    }
  });

  it("fails with exit code 1 and a plain sentence if the target can't grow to the image's size", async () => {
    const command = ["./piinit", "burn", disk.file, "--drive", at("card"), "--yes", "--json"];
    // In units of 512 bytes: the second partition doesn't fit any more.
    const script = `ulimit -f 40000; exec ${quoteCommand(command[0] ?? "", command.slice(1))}`;
    const { code, events, errors } = await resultOf(startProgram(["sh", "-c", script]));
    assert.deepEqual([code, events.at(-1)?.event], [1, "failed"], errors);
    assert.match(events.at(-1)?.message ?? "", /can't grow to the image's size/);
    assert.ok(!existsSync(at("card")));
  });

  it("ends with exit code 130 after ^C, and leaves nothing that looks complete", async () => {
    const packed = `${disk.file}.zst`;
    await runOnHost("zstd", ["-q", "-k", "-1", disk.file]);
    for (const image of [disk.file, packed]) {
      for (const phase of ["writing", "verifying"]) {
        await makeUsedCard(at("card"), 140 * MiB);
        const child = start(image, "--drive", at("card"), "--yes", "--json");
        pressWhen(child, `"${phase}"`);
        const { code, events, errors } = await resultOf(child);
        assert.deepEqual([code, events.at(-1)?.event], [130, "interrupted"], errors);
        assert.match(errors, /card interrupted: .*card is incomplete/);
        assert.ok((await readFile(at("card"))).subarray(0, MiB).equals(Buffer.alloc(MiB)), "it has a partition table");
      }
    }
    await rm(packed);
  });

  it("says how to stop waiting for cards, and then ends with exit code 0", async () => {
    const child = start(disk.file, "--all", "--yes", "--json");
    pressWhen(child, '"waiting"');
    const { code, errors } = await resultOf(child);
    assert.equal(code, 0, errors);
    assert.match(errors, /Insert a card/);
  });
});
