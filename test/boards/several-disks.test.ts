import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { readPartitions } from "../../formats/mbr.ts";
import { runOnHost } from "../../lib/host.ts";
import { freshDiskId } from "../../steps/image/manifest/geometry.ts";
import { firstSector } from "../engine/image/look.ts";
import {
  type Attached,
  boot,
  build,
  loaderEntry,
  numberOf,
  reportingManifest,
  startsOn,
  sumOf,
} from "./several-disks.ts";
import { makeDataDisk, makeFreshCard, makeOtherSystem } from "./strangers.ts";

/** The emulated PC is this machine's own kind; disks.test.ts has every bus of either disk in both orders. */
describe("a machine with several disks", function () {
  this.timeout(30 * 60_000);
  let folder: string;
  let cards: { first: string; second: string };
  let strangers: { system: string; data: string };
  before(async function () {
    if (process.arch !== "x64") this.skip();
    folder = await mkdtemp(path.join(tmpdir(), "piinit-disks-"));
    const file = (name: string) => path.join(folder, name);
    cards = { first: file("first"), second: file("second") };
    strangers = { system: file("system"), data: file("data") };
    const image = await build(reportingManifest(), file("out"));
    for (const card of Object.values(cards)) await makeFreshCard(card, image.path);
    await makeOtherSystem(strangers.system);
    await makeDataDisk(strangers.data);
  });
  after(() => folder && rm(folder, { recursive: true, force: true }));

  async function bootBeside(card: Attached, others: Attached[]): Promise<string> {
    const sums = () => Promise.all(others.map(({ file }) => sumOf(file)));
    const before = await sums();
    const console = await boot([...others, card], card, { folder });
    assert.match(console, /report: failed \./, console.slice(-3000));
    assert.deepEqual(await sums(), before, "another disk was written to");
    return console;
  }

  it("runs from the one that was booted, leaves the others as they are, and gives its card a number of its own", async () => {
    const card = { file: cards.second, bus: "virtio" } as const;
    await bootBeside(card, [
      { file: cards.first, bus: "nvme" },
      { file: strangers.system, bus: "nvme" },
      { file: strangers.data, bus: "usb" },
    ]);
    assert.deepEqual(await startsOn(card.file), { root: 1, data: 1 });
    const number = await numberOf(card.file);
    assert.notEqual(number, freshDiskId);
    assert.match(
      await loaderEntry(card.file),
      new RegExp(` root=PARTUUID=${number.toString(16).padStart(8, "0")}-02$`, "m"),
    );
  });

  it("runs from a second card of the same image when that is booted, and takes nothing of the first for its own", async () => {
    const card = { file: cards.first, bus: "usb" } as const;
    await bootBeside(card, [
      { file: strangers.data, bus: "virtio" },
      { file: cards.second, bus: "virtio" },
      { file: strangers.system, bus: "nvme" },
    ]);
    assert.deepEqual(await startsOn(card.file), { root: 1, data: 1 });
    assert.notEqual(await numberOf(card.file), await numberOf(cards.second));
  });

  it("makes no file system where there is another one, and says so", async () => {
    const [, , data] = readPartitions(await firstSector(cards.second)) ?? [];
    assert.ok(data);
    const at = `offset=${data.offset}`;
    await runOnHost("mke2fs", ["-q", "-F", "-t", "ext4", "-L", "films", "-E", at, cards.second, "64M"]);
    const films = () => runOnHost("debugfs", ["-R", "stats -h", `second?${at}`], { cwd: folder });
    const before = await films();
    const card = { file: cards.second, bus: "nvme" } as const;
    const console = await boot([card], card, { folder, until: "there is no place for data" });
    assert.match(
      console,
      /\/dev\/nvme0n1p3 holds something else \(ext4,films\): it is left alone/,
      console.slice(-3000),
    );
    assert.equal(await films(), before);
  });

  it("starts nothing when it can't be told which of two copies was booted", async () => {
    const disks = [cards.first, strangers.data].map((file) => ({ file, bus: "virtio" }) as const);
    const copy = { file: path.join(folder, "copy"), bus: "virtio" } as const;
    await runOnHost("cp", ["--sparse=always", cards.first, copy.file]);
    const [card] = disks;
    assert.ok(card);
    const before = await Promise.all([card, copy].map(({ file }) => sumOf(file)));
    const console = await boot([...disks, copy], card, { folder, firmware: "none", until: "starting again" });
    assert.match(console, /vda vdc are copies of one card, and the firmware doesn't say/, console.slice(-3000));
    assert.deepEqual(await Promise.all([card, copy].map(({ file }) => sumOf(file))), before);
  });
});
