import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { writeCpio } from "../../../formats/cpio.ts";
import { buildInitrd } from "../../../steps/image/boot/initrd.ts";

interface Record {
  name: string;
  mode: number;
  device: [number, number];
  data: Buffer;
}

/** Reads a newc archive as the kernel does: by the sizes in each header, every part on a multiple of four. */
function readCpio(archive: Buffer): Record[] {
  const records: Record[] = [];
  for (let at = 0; at < archive.length; ) {
    const field = (index: number) =>
      Number.parseInt(archive.toString("latin1", at + 6 + index * 8, at + 14 + index * 8), 16);
    assert.equal(archive.toString("latin1", at, at + 6), "070701");
    const nameEnd = at + 110 + field(11);
    const dataStart = (nameEnd + 3) & ~3;
    const dataEnd = dataStart + field(6);
    assert.equal(archive[nameEnd - 1], 0);
    records.push({
      name: archive.toString("utf8", at + 110, nameEnd - 1),
      mode: field(1),
      device: [field(9), field(10)],
      data: archive.subarray(dataStart, dataEnd),
    });
    at = (dataEnd + 3) & ~3;
  }
  return records;
}

describe("a cpio archive", () => {
  it("holds each entry with its type, permissions and bytes, and ends with the trailer", () => {
    const archive = writeCpio([
      { path: "bin", type: "directory" },
      { path: "bin/tool", type: "file", mode: 0o755, data: Buffer.from("12345") },
      { path: "bin/sh", type: "link", target: "tool" },
      { path: "console", type: "character device", mode: 0o600, major: 5, minor: 1 },
    ]);
    assert.equal(archive.length % 4, 0);
    const [folder, tool, link, console, trailer, ...rest] = readCpio(archive);
    assert.deepEqual([folder?.name, folder?.mode], ["bin", 0o040755]);
    assert.deepEqual([tool?.name, tool?.mode, String(tool?.data)], ["bin/tool", 0o100755, "12345"]);
    assert.deepEqual([link?.name, link?.mode, String(link?.data)], ["bin/sh", 0o120777, "tool"]);
    assert.deepEqual([console?.mode, console?.device], [0o020600, [5, 1]]);
    assert.equal(trailer?.name, "TRAILER!!!");
    assert.deepEqual(rest, []);
  });

  it("takes the bytes of a part of a larger buffer", () => {
    const part = Buffer.from("xxhelloxx").subarray(2, 7);
    assert.equal(String(readCpio(writeCpio([{ path: "a", type: "file", mode: 0o644, data: part }]))[0]?.data), "hello");
  });
});

describe("the initial RAM disk", () => {
  it("loads the modules in the given order", () => {
    const modules = ["kernel/lib/crc16.ko.xz", "kernel/fs/ext4/ext4.ko.xz"].map((path) => ({
      path,
      data: Buffer.from(path),
    }));
    const records = readCpio(gunzipSync(buildInitrd(Buffer.from("busybox"), modules)));
    const find = (name: string) => records.find((record) => record.name === name);
    assert.equal(String(find("modules/order")?.data), "crc16.ko\next4.ko\n");
    assert.equal(String(find("modules/ext4.ko")?.data), "kernel/fs/ext4/ext4.ko.xz");
    assert.equal(find("init")?.mode, 0o100755);
  });

  it("has every program that its script calls", () => {
    const records = readCpio(gunzipSync(buildInitrd(Buffer.from("busybox"), [])));
    const script = String(records.find(({ name }) => name === "init")?.data);
    for (const program of [
      "mount",
      "umount",
      "insmod",
      "hexdump",
      "awk",
      "readlink",
      "grep",
      "switch_root",
      "reboot",
      "sleep",
      "usleep",
      "cat",
    ]) {
      assert.match(script, new RegExp(`\\b${program}\\b`));
      assert.ok(
        records.some(({ name }) => name === `bin/${program}`),
        program,
      );
    }
  });
});
