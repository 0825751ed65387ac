import assert from "node:assert/strict";
import { spdxDocument } from "../../../formats/spdx.ts";
import { imageTime } from "../../../steps/image/manifest/image-time.ts";

const contents = {
  name: "server",
  architecture: "arm64",
  sha256: "ab".repeat(32),
  base: { distribution: "debian" as const, suite: "trixie", components: [], backports: [] },
  packages: [
    { name: "libstdc++6", version: "14.2.0-19", architecture: "arm64" },
    { name: "dpkg", version: "1:1.22.21", architecture: "arm64" },
  ],
  programs: [{ name: "consul", version: "1.22.2", path: "/usr/local/bin/consul", sha256: "cd".repeat(32) }],
};

interface Spdx {
  packages: { SPDXID: string; name: string; externalRefs: { referenceLocator: string }[] }[];
  relationships: { relatedSpdxElement: string }[];
}

describe("an image's SPDX list", () => {
  const document = spdxDocument(contents, imageTime) as Spdx;

  it("has each package and program by its version, where others find it by its locator", () => {
    assert.deepEqual(
      document.packages.map(({ externalRefs }) => externalRefs[0]?.referenceLocator),
      [
        "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=arm64",
        "pkg:deb/debian/dpkg@1%3A1.22.21?arch=arm64",
        "pkg:golang/github.com/hashicorp/consul@v1.22.2",
      ],
    );
  });

  it("has identifiers that SPDX allows, each once and described", () => {
    const ids = document.packages.map(({ SPDXID }) => SPDXID);
    for (const id of ids) assert.match(id, /^SPDXRef-[A-Za-z0-9.-]+$/);
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(
      document.relationships.map(({ relatedSpdxElement }) => relatedSpdxElement),
      ids,
    );
  });

  it("tells packages apart that differ in their architecture alone, or in their names' signs", () => {
    const packages = [
      { name: "libc6", version: "2.41", architecture: "arm64" },
      { name: "libc6", version: "2.41", architecture: "armhf" },
      { name: "a+b", version: "1", architecture: "all" },
      { name: "a.plus.b", version: "1", architecture: "all" },
      { name: "aplusb", version: "1", architecture: "all" },
    ];
    const ids = (spdxDocument({ ...contents, packages }, imageTime) as Spdx).packages.map(({ SPDXID }) => SPDXID);
    for (const id of ids) assert.match(id, /^SPDXRef-[A-Za-z0-9.-]+$/);
    assert.equal(new Set(ids).size, ids.length, ids.join(" "));
  });

  it("calls the packages of Raspberry Pi OS its own, as far as they are", () => {
    const base = { image: "raspios-lite.img.xz", sha256: "ef".repeat(32) };
    const packages = [
      { name: "bash", version: "5.2.37-2", architecture: "arm64" },
      { name: "linux-image-rpi-v8", version: "1:6.12.47-1+rpt1", architecture: "arm64" },
    ];
    const vendors = (architecture: string) =>
      (spdxDocument({ ...contents, base, architecture, packages, programs: [] }, imageTime) as Spdx).packages.map(
        ({ externalRefs }) => externalRefs[0]?.referenceLocator.split("/")[1],
      );
    assert.deepEqual(vendors("arm64"), ["debian", "raspbian"]);
    assert.deepEqual(vendors("armhf"), ["raspbian", "raspbian"]);
  });

  it("is the same for the same image, whenever it is built", () => {
    assert.deepEqual(spdxDocument(contents, imageTime), document);
  });
});
