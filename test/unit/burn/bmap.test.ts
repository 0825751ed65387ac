import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type BlockMap, parseBlockMap, renderBlockMap } from "../../../formats/bmap.ts";

const sum = (text: string, algorithm = "sha256") => createHash(algorithm).update(text).digest("hex");
const checksum = (text: string) => ({ algorithm: "sha256" as const, hex: sum(text) });

const map: BlockMap = {
  imageBytes: 100 * 4096 - 512,
  blockBytes: 4096,
  ranges: [
    { first: 0, last: 0, checksum: checksum("a") },
    { first: 5, last: 9, checksum: checksum("b") },
    { first: 10, last: 99, checksum: checksum("c") },
  ],
};

/** A map as other programs write it, with its own checksum put in. */
function othersMap(version: string, algorithm: string, sumElement: string, range: string): string {
  const unset = "0".repeat(sum("", algorithm).length);
  const type = version === "1.3" ? "" : `<ChecksumType> ${algorithm} </ChecksumType>`;
  const text = `<?xml version="1.0" ?>
<!-- This file contains <Range> comments, too. -->

<bmap version="${version}">
    <!-- Image size in bytes: 400.0 KiB -->
    <ImageSize> 409600 </ImageSize>
    <BlockSize> 4096 </BlockSize>
    <BlocksCount> 100 </BlocksCount>
    <!-- Count of mapped blocks: 16.0 KiB or 4.0%   -->
    <MappedBlocksCount> 4   </MappedBlocksCount>
    ${type}
    <${sumElement}> ${unset} </${sumElement}>
    <BlockMap>
        ${range}
    </BlockMap>
</bmap>
`;
  return text.replace(unset, sum(text, algorithm));
}

describe("a block map", () => {
  const text = renderBlockMap(map);

  it("is read back as it was written", () => assert.deepEqual(parseBlockMap(text, "map"), map));

  it("has the format's fields, and its checksum, computed with zeros in its place", () => {
    assert.match(text, /<bmap version="2\.0">/);
    assert.match(text, /<BlocksCount> 100 </);
    assert.match(text, /<MappedBlocksCount> 96 </);
    assert.match(text, new RegExp(`<Range chksum="${sum("a")}"> 0 </Range>\n`));
    assert.match(text, new RegExp(`<Range chksum="${sum("b")}"> 5-9 </Range>\n`));
    const own = /<BmapFileChecksum> (\w+) </.exec(text)?.[1] ?? "";
    assert.equal(sum(text.replace(own, "0".repeat(64))), own);
  });

  it("is read in every version from 1.2 to 2.0", () => {
    const two = (attribute: string, algorithm: string) =>
      `<Range ${attribute}="${sum("x", algorithm)}"> 0-2 </Range>\n <Range ${attribute}='${sum("y", algorithm)}'>7</Range>`;
    const ranges = (algorithm: string) => [
      { first: 0, last: 2, checksum: { algorithm, hex: sum("x", algorithm) } },
      { first: 7, last: 7, checksum: { algorithm, hex: sum("y", algorithm) } },
    ];
    const read = (version: string) => parseBlockMap(version, "map").ranges;
    assert.deepEqual(read(othersMap("2.0", "sha256", "BmapFileChecksum", two("chksum", "sha256"))), ranges("sha256"));
    assert.deepEqual(read(othersMap("2.0", "sha512", "BmapFileChecksum", two("chksum", "sha512"))), ranges("sha512"));
    assert.deepEqual(read(othersMap("1.4", "sha256", "BmapFileChecksum", two("chksum", "sha256"))), ranges("sha256"));
    assert.deepEqual(read(othersMap("1.3", "sha1", "BmapFileSHA1", two("sha1", "sha1"))), ranges("sha1"));
    const plain = othersMap("1.3", "sha1", "BmapFileSHA1", "<Range> 0-2 </Range><Range> 7-7 </Range>");
    const old = plain.replace('version="1.3"', 'version="1.2"').replace(/<BmapFileSHA1>.*\n/, "");
    assert.deepEqual(read(old), [
      { first: 0, last: 2 },
      { first: 7, last: 7 },
    ]);
  });

  it("is refused by name if it is damaged, inconsistent or of a later version", () => {
    const again = (changed: string) => {
      const own = /<BmapFileChecksum> (\w+) </.exec(changed)?.[1] ?? "";
      const unset = changed.replace(own, "0".repeat(64));
      return changed.replace(own, sum(unset));
    };
    const faulty: [string, RegExp][] = [
      [text.replace("> 5-9 <", "> 5-8 <"), /checksum is wrong/],
      [again(text.replace("> 5-9 <", "> 5-8 <")), /contradict/],
      [again(text.replace("<ImageSize> ", "<ImageSize> 1")), /contradict/],
      [again(text.replace("> 5-9 <", "> 9-5 <")), /contradict/],
      [again(text.replace("> 10-99 <", "> 11-100 <")), /contradict/],
      [again(text.replace("> 5-9 <", "> five <")), /ranges can't be read/],
      [again(text.replace("<BlockSize> 4096", "<BlockSize> 0")), /blocks have 0 bytes/],
      [again(text.replace("<BlockSize> 4096", "<BlockSize> 1024")), /blocks have 1024 bytes/],
      [again(text.replace(/<BlockMap>[\s\S]*<\/BlockMap>/, "")), /ranges can't be read/],
      [text.replace('version="2.0"', 'version="3.0"'), /version 3\.0/],
      [text.replace("sha256 <", "crc32 <"), /crc32/],
      [text.slice(0, 300), /can't be used/],
      ["", /it isn't one/],
    ];
    for (const [wrong, reason] of faulty) {
      assert.throws(
        () => parseBlockMap(wrong, "x.bmap"),
        (error: Error) => error.name === "UserError" && error.message.includes("x.bmap") && reason.test(error.message),
        wrong,
      );
    }
  });
});
