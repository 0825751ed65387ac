import assert from "node:assert/strict";
import { masterBootRecord } from "../../../formats/mbr.ts";
import { UserError } from "../../../lib/errors.ts";
import { findPartitions } from "../../../steps/image/existing/partitions.ts";
import { diskGeometry } from "../../../steps/image/manifest/geometry.ts";

const geometry = diskGeometry({ firmware: "raspberry-pi", bootMiB: 64, rootMiB: 512, grows: false });
const sector = (change: (bytes: Buffer) => void = () => {}): Buffer => {
  const bytes = masterBootRecord(geometry, 1);
  change(bytes);
  return bytes;
};

describe("the partitions of an existing image", () => {
  it("are found in its first sector", () => {
    assert.deepEqual(findPartitions(sector()), { boot: geometry.boot, root: geometry.root });
  });

  const refusals: [string, (bytes: Buffer) => void, RegExp][] = [
    ["without a partition table", (bytes) => bytes.fill(0), /no partition table/],
    ["with a GPT", (bytes) => bytes.writeUInt8(0xee, 450), /has a GPT/],
    ["with a third partition", (bytes) => bytes.writeUInt8(0x83, 482), /types 0x0c, 0x83, 0x83; it should have two/],
    ["without FAT", (bytes) => bytes.writeUInt8(0x83, 450), /types 0x83, 0x83/],
    ["with nothing in the table", (bytes) => bytes.fill(0, 446, 510), /types none/],
  ];
  for (const [title, change, message] of refusals) {
    it(`are refused ${title}`, () => {
      assert.throws(
        () => findPartitions(sector(change)),
        (error: Error) => error instanceof UserError && message.test(error.message),
      );
    });
  }
});
