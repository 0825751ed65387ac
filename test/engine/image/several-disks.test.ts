import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { freshDiskId } from "../../../commands/image/build/geometry.ts";
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

/** The emulated PC is this machine's own kind; test/boards has every bus of either disk in both orders. */
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
    const console = await boot([...others, card], card, path.join(folder, "console"));
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
});
