import assert from "node:assert/strict";
import { sourceLines } from "../../../steps/image/debian/debian-arguments.ts";
import { layerNames } from "../../../steps/image/layers/layer-names.ts";
import { layers } from "../../../steps/image/manifest/manifest.ts";
import { testManifest } from "./manifest.ts";

describe("a layer's name", () => {
  const before = layerNames(testManifest());
  const changed = (parts: Parameters<typeof testManifest>[0]) => {
    const after = layerNames(testManifest(parts));
    return layers.filter((layer) => after[layer] !== before[layer]);
  };

  it("is the same for equal manifests", () => assert.deepEqual(changed({}), []));

  it("changes for the image alone when a file, a link or a user changes", () => {
    assert.deepEqual(changed({ files: [{ path: "/etc/motd", mode: "0644", owner: "root", text: "hello" }] }), [
      "image",
    ]);
    assert.deepEqual(changed({ links: [{ path: "/etc/motd", target: "issue" }] }), ["image"]);
    assert.deepEqual(changed({ users: [{ name: "consul", id: 801, home: "/data" }] }), ["image"]);
  });

  it("changes for programs and image when a program or the boot changes", () => {
    const programs = [{ name: "consul" as const, version: "1.2.3", path: "/usr/local/bin/consul" }];
    assert.deepEqual(changed({ programs }), ["programs", "image"]);
    assert.deepEqual(changed({ boot: { modules: ["ext4"], commandLine: "quiet", files: [] } }), ["programs", "image"]);
  });

  it("changes for programs and image when the disk has another boot partition", () => {
    const disk = { firmware: "none", bootMiB: 64, rootMiB: 320, grows: false } as const;
    assert.deepEqual(changed({ disk }), ["programs", "image"]);
  });

  it("changes for packages and image when a package or the root partition changes", () => {
    assert.deepEqual(changed({ packages: ["linux-image-cloud-amd64", "nftables"] }), ["packages", "programs", "image"]);
    assert.deepEqual(changed({ disk: { firmware: "none", bootMiB: 32, rootMiB: 400, grows: false } }), [
      "packages",
      "programs",
      "image",
    ]);
  });

  it("changes for all layers when the suite or the architecture changes", () => {
    const all = ["base", "packages", "programs", "image"];
    assert.deepEqual(changed({ base: { distribution: "debian", suite: "sid", components: [], backports: [] } }), all);
    assert.deepEqual(changed({ architecture: "arm64" }), all);
  });

  it("begins with the layer's kind, or the image's name", () => {
    assert.match(before.base, /^base-[0-9a-f]{16}$/);
    assert.match(before.packages, /^packages-[0-9a-f]{16}$/);
    assert.match(before.image, /^server-[0-9a-f]{16}$/);
  });
});

describe("the packages of one moment", () => {
  const base = { distribution: "debian" as const, suite: "trixie", components: ["non-free-firmware"], backports: [] };

  it("come from the archive of snapshots, updates and security fixes included", () => {
    const lines = sourceLines({ ...base, snapshot: "http://snapshots.example/archive/ARCHIVE/20260801T000000Z" });
    assert.deepEqual(
      lines.map((line) => line.replace(/http:\/\/[^/]+/, "")),
      [
        "deb [check-valid-until=no] /archive/debian/20260801T000000Z/ trixie main non-free-firmware",
        "deb [check-valid-until=no] /archive/debian/20260801T000000Z/ trixie-updates main non-free-firmware",
        "deb [check-valid-until=no] /archive/debian-security/20260801T000000Z/ trixie-security main non-free-firmware",
      ],
    );
    assert.equal(
      sourceLines({ ...base, suite: "sid", snapshot: "http://snapshots.example/archive/ARCHIVE/20260801T000000Z" })
        .length,
      1,
    );
  });

  it("are another base than the newest, which mmdebstrap finds by itself", () => {
    assert.deepEqual(sourceLines(base), []);
    const names = [
      base,
      { ...base, snapshot: "http://snapshots.example/archive/ARCHIVE/20260801T000000Z" },
      { ...base, snapshot: "http://snapshots.example/archive/ARCHIVE/20260802T000000Z" },
      { ...base, refreshed: "2026-11-27T18:30Z" },
      { ...base, refreshed: "2026-11-27T18:31Z" },
    ].map((own) => layerNames(testManifest({ base: own })).base);
    assert.equal(new Set(names).size, 5);
  });
});
