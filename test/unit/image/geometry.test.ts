import assert from "node:assert/strict";
import { masterBootRecord } from "../../../formats/mbr.ts";
import { MiB } from "../../../formats/units.ts";
import { diskGeometry } from "../../../steps/image/manifest/geometry.ts";

describe("a disk", () => {
  const geometry = diskGeometry({ firmware: "none", bootMiB: 64, rootMiB: 800, grows: false });

  it("has the boot partition at 4 MiB and the root partition after it", () => {
    assert.deepEqual(geometry.boot, { offset: 4 * MiB, bytes: 64 * MiB });
    assert.deepEqual(geometry.root, { offset: 68 * MiB, bytes: 800 * MiB });
    assert.equal(geometry.bytes, 868 * MiB);
  });

  it("ends with the root file system if that grows on the machine", () => {
    const fitted = diskGeometry({ firmware: "none", bootMiB: 64, rootMiB: 800, grows: true }, 300 * MiB);
    assert.deepEqual(fitted.root, { offset: 68 * MiB, bytes: 300 * MiB });
    assert.equal(fitted.bytes, 368 * MiB);
  });

  it("says so in its partition table, in sectors", () => {
    const sector = masterBootRecord(geometry, 0x12345678);
    const partition = (at: number) => [
      sector[at],
      sector[at + 4],
      sector.readUInt32LE(at + 8),
      sector.readUInt32LE(at + 12),
    ];
    assert.equal(sector.length, 512);
    assert.deepEqual(partition(446), [0x80, 0x0c, 8192, 131072]);
    assert.deepEqual(partition(462), [0, 0x83, 139264, 1638400]);
    assert.deepEqual([...sector.subarray(478, 512)], [...Array(32).fill(0), 0x55, 0xaa]);
    assert.equal(sector.readUInt32LE(440), 0x12345678);
  });
});
