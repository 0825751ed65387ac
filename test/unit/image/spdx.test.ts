import assert from "node:assert/strict";
import { spdxDocument } from "../../../commands/image/build/spdx.ts";

const contents = {
  name: "server",
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
  const document = spdxDocument(contents) as Spdx;

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

  it("is the same for the same image, whenever it is built", () => {
    assert.deepEqual(spdxDocument(contents), document);
  });
});
