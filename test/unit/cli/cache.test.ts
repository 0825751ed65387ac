import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { listCache } from "../../../cli/cache/list.ts";
import { pruneCache } from "../../../cli/cache/prune.ts";
import { cacheDir } from "../../../lib/paths.ts";
import { forgetUnused, noteUse } from "../../../steps/image/layers/layer-cache.ts";
import { makeScratch, type Scratch } from "../toolchain/scratch.ts";

const dayMs = 24 * 60 * 60_000;

describe("the cache of layers and packages", () => {
  let scratch: Scratch;
  beforeEach(async () => {
    scratch = await makeScratch();
  });
  afterEach(() => scratch.remove());

  const ago = (days: number) => new Date(Date.now() - days * dayMs);
  function layer(name: string, daysAgo: number): void {
    mkdirSync(cacheDir("layers", name), { recursive: true });
    writeFileSync(cacheDir("layers", name, "system"), "x".repeat(100_000));
    utimesSync(cacheDir("layers", name), ago(daysAgo), ago(daysAgo));
  }
  function deb(name: string): void {
    mkdirSync(cacheDir("debs", "trixie-arm64"), { recursive: true });
    writeFileSync(cacheDir("debs", "trixie-arm64", name), "a package");
  }
  /** The layers of one image, on a base that may be another's, too. */
  const namesOf = (digit: string, base = digit) => ({
    base: `base-${base.repeat(16)}`,
    packages: `packages-${digit.repeat(16)}`,
    programs: `programs-${digit.repeat(16)}`,
    image: "",
  });
  const layersOf = (...all: ReturnType<typeof namesOf>[]) =>
    [...new Set(all.flatMap(({ base, packages, programs }) => [base, packages, programs]))].sort();
  const there = () => readdirSync(cacheDir("layers")).sort();

  const imageOf = (digit: string) => path.join(scratch.dir, `server-${digit.repeat(16)}.img`);
  /** An image that was built so many days ago, with its layers. */
  async function image(digit: string, daysAgo: number, { base = digit, packages = [] as object[] } = {}) {
    const names = namesOf(digit, base);
    for (const name of layersOf(names)) layer(name, daysAgo);
    await noteUse(names, imageOf(digit));
    for (const name of layersOf(names)) utimesSync(cacheDir("uses", name), ago(daysAgo), ago(daysAgo));
    writeFileSync(imageOf(digit), "an image");
    const contents = JSON.stringify({ packages, bytes: "an image".length });
    writeFileSync(imageOf(digit).replace(".img", ".contents.json"), contents);
    return names;
  }

  it("lets go of the layers of images that are gone, a month after their last use", async () => {
    const kept = await image("1", 400);
    const gone = await image("2", 31, { base: "1" });
    const recent = await image("3", 29);
    layer("base-0000000000000000", 400);
    for (const digit of ["2", "3"]) rmSync(imageOf(digit));
    await forgetUnused();
    assert.deepEqual(there(), ["base-0000000000000000", ...layersOf(kept, recent)].sort());
    assert.ok(layersOf(gone).includes(`base-${"1".repeat(16)}`));
  });

  it("keeps, when it is pruned, what images were made from, what is unfinished, and what a build may be using", async () => {
    const packages = [{ name: "bsdutils", version: "1:2.41", architecture: "arm64" }];
    const kept = await image("1", 400, { packages });
    const gone = await image("2", 1);
    rmSync(imageOf("2"));
    const running = await image("3", 0);
    rmSync(imageOf("3"));
    const others = ["packages-4444444444444444.tmp", "test-root-trixie"];
    for (const name of [...others, "base-0000000000000000"]) layer(name, 400);
    for (const name of ["bsdutils_1%3a2.41_arm64.deb", "bsdutils_1%3a2.40_arm64.deb"]) deb(name);
    const pruned = await pruneCache();
    assert.deepEqual([pruned.layers, pruned.packages], [layersOf(gone).length + 1, 1]);
    assert.ok(pruned.bytes >= 400_000, `${pruned.bytes}`);
    assert.deepEqual(there(), [...layersOf(kept, running), ...others].sort());
    assert.deepEqual(readdirSync(cacheDir("debs", "trixie-arm64")), ["bsdutils_1%3a2.41_arm64.deb"]);
  });

  it("keeps all layers on a builder, which sends its images away", async () => {
    const names = namesOf("1");
    for (const name of layersOf(names)) layer(name, 400);
    await noteUse(names, cacheDir("outgoing", "one.tmp", "server.img"));
    await forgetUnused();
    assert.deepEqual(there(), layersOf(names));
  });

  it("has nothing before the first build", async () => {
    assert.deepEqual(await listCache(), []);
    assert.deepEqual(await pruneCache(), { layers: 0, packages: 0, bytes: 0 });
  });

  it("is listed with the space that its parts take, the largest first", async () => {
    layer("base-one", 1);
    deb("a.deb");
    const listed = await listCache();
    assert.deepEqual(
      listed.map(({ name }) => name),
      ["layers", "debs"],
    );
    assert.ok(listed[0] && listed[0].bytes >= 100_000);
  });
});
