import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { listCache } from "../../../cli/cache/list.ts";
import { pruneCache } from "../../../cli/cache/prune.ts";
import { cacheDir } from "../../../lib/paths.ts";
import { forgetUnused } from "../../../steps/image/layers/layer-cache.ts";
import { makeScratch, type Scratch } from "../toolchain/scratch.ts";

const dayMs = 24 * 60 * 60_000;
const names = (now: string) => ({
  base: `base-${now}`,
  packages: `packages-${now}`,
  programs: `programs-${now}`,
  image: "",
});
const layersOf = ({ image: _, ...layers }: ReturnType<typeof names>) => Object.values(layers);

describe("the cache of layers and packages", () => {
  let scratch: Scratch;
  beforeEach(async () => {
    scratch = await makeScratch();
  });
  afterEach(() => scratch.remove());

  /** A layer that a build used so many days ago. */
  function layer(name: string, daysAgo: number): void {
    mkdirSync(cacheDir("layers", name), { recursive: true });
    writeFileSync(cacheDir("layers", name, "system"), "x".repeat(100_000));
    const then = new Date(Date.now() - daysAgo * dayMs);
    utimesSync(cacheDir("layers", name), then, then);
  }
  function deb(name: string): void {
    mkdirSync(cacheDir("debs", "trixie-arm64"), { recursive: true });
    writeFileSync(cacheDir("debs", "trixie-arm64", name), "a package");
  }
  const layers = () => readdirSync(cacheDir("layers")).sort();

  /** An image of a stack, as a build leaves it. */
  function image(stack: string, contents: object): string {
    const folder = path.join(scratch.dir, "stacks", stack, "images");
    mkdirSync(folder, { recursive: true });
    const file = path.join(folder, "server-0123456789abcdef");
    writeFileSync(`${file}.img`, "an image");
    writeFileSync(`${file}.contents.json`, JSON.stringify({ packages: [], bytes: "an image".length, ...contents }));
    return path.join(scratch.dir, "stacks");
  }

  it("lets go of what no build has used for a month, and of nothing that is still being made", async () => {
    for (const name of layersOf(names("now"))) layer(name, 100);
    for (const name of layersOf(names("recent"))) layer(name, 20);
    for (const name of layersOf(names("old"))) layer(name, 31);
    layer("base-begun.tmp", 31);
    await forgetUnused(names("now"));
    assert.deepEqual(layers(), ["base-begun.tmp", ...layersOf(names("now")), ...layersOf(names("recent"))].sort());
    await forgetUnused(names("recent"));
    assert.ok(layersOf(names("now")).every((name) => layers().includes(name)));
  });

  it("keeps, when it is pruned, what this checkout's images were made from, and what a build may be using", async () => {
    for (const [now, daysAgo] of [
      ["home", 100],
      ["other", 1],
      ["running", 0],
    ] as const)
      for (const name of layersOf(names(now))) layer(name, daysAgo);
    const packages = [{ name: "bsdutils", version: "1:2.41", architecture: "arm64" }];
    for (const name of ["bsdutils_1%3a2.41_arm64.deb", "bsdutils_1%3a2.40_arm64.deb"]) deb(name);
    const stacks = image("home", { layers: names("home"), packages });
    const pruned = await pruneCache(stacks);
    assert.deepEqual([pruned.layers, pruned.packages], [3, 1]);
    assert.ok(pruned.bytes >= 300_000, `${pruned.bytes}`);
    assert.deepEqual(layers(), [...layersOf(names("home")), ...layersOf(names("running"))].sort());
    assert.ok(existsSync(cacheDir("debs", "trixie-arm64", "bsdutils_1%3a2.41_arm64.deb")));
  });

  it("removes, when it is pruned, the layers of images that are gone or incomplete, and those of which nobody knows", async () => {
    for (const now of ["broken", "unknown"]) for (const name of layersOf(names(now))) layer(name, 2);
    image("lab", { layers: names("broken"), bytes: 9 });
    await pruneCache(image("old", {}));
    assert.deepEqual(layers(), []);
  });

  it("has nothing before the first build", async () => {
    assert.deepEqual(await listCache(), []);
    assert.deepEqual(await pruneCache(path.join(scratch.dir, "none")), { layers: 0, packages: 0, bytes: 0 });
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
