import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Bus, boot, build, reportingManifest, startsOn, sumOf } from "./several-disks.ts";
import { makeDataDisk, makeFreshCard, makeOtherSystem } from "./strangers.ts";

const buses: Bus[] = ["virtio", "nvme", "usb"];

/** A fresh card beside another Linux, a disk labelled "data", and a second fresh card of the same image. */
describe("a card that was booted", function () {
  this.timeout(30 * 60_000);
  let folder: string;
  let image: string;
  const file = (name: string) => path.join(folder, name);
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit-disks-"));
    image = (await build(reportingManifest(), file("out"))).path;
    await makeOtherSystem(file("system"));
    await makeDataDisk(file("data"));
    await makeFreshCard(file("twin"), image);
  });
  after(() => folder && rm(folder, { recursive: true, force: true }));

  for (const own of buses)
    for (const others of buses)
      for (const place of ["before", "behind"] as const)
        it(`is used and no other, on ${own} ${place} other disks on ${others}`, async () => {
          const card = { file: file("card"), bus: own };
          await makeFreshCard(card.file, image);
          const strangers = ["system", "data", "twin"].map((name) => ({ file: file(name), bus: others }));
          const sums = () => Promise.all(strangers.map((disk) => sumOf(disk.file)));
          const before = await sums();
          const disks = place === "before" ? [card, ...strangers] : [...strangers, card];
          const console = await boot(disks, card, { folder });
          assert.match(console, /report: failed \./, console.slice(-3000));
          assert.deepEqual(await sums(), before);
          assert.deepEqual(await startsOn(card.file), { root: 1, data: 1 });
        });
});
