import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { tarEnd, tarHeader, tarPadding } from "../../../formats/tar.ts";
import { archiveFault } from "../../../snapshot/archive.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const metadata = '{"Index":7}';
const state = "what Raft has";
const sums = `${sha256(metadata)}  meta.json\n${sha256(state)}  state.bin\n`;

function tar(files: Record<string, string>): Buffer {
  const plain = { type: "file", mode: 0o600, uid: 0, gid: 0, time: 0, target: "", attributes: new Map() } as const;
  const parts = Object.entries(files).flatMap(([path, text]) => {
    const size = Buffer.byteLength(text);
    return [tarHeader({ ...plain, path, size }), Buffer.from(text), tarPadding(size)];
  });
  return Buffer.concat([...parts, tarEnd]);
}

describe("an archive of Consul or Nomad", () => {
  const whole = { "meta.json": metadata, "state.bin": state, SHA256SUMS: sums };

  it("is taken if all its files are as its sums say", async () => {
    assert.equal(await archiveFault(gzipSync(tar(whole))), undefined);
  });

  it("is refused with what is wrong", async () => {
    const { SHA256SUMS: _, ...withoutSums } = whole;
    const cut = tar(whole).subarray(0, 1200);
    const wrong: [Buffer, RegExp][] = [
      [Buffer.from("Permission denied"), /incorrect header/],
      [gzipSync(tar(whole)).subarray(0, -10), /unexpected end/],
      [gzipSync(cut), /ends too early/],
      [gzipSync(Buffer.from("x".repeat(1024))), /without a size/],
      [gzipSync(tar({})), /has no meta\.json/],
      [gzipSync(tar({ ...whole, "state.bin": "something else" })), /its state\.bin has another SHA-256/],
      [gzipSync(tar(withoutSums)), /its meta\.json has another SHA-256/],
    ];
    for (const [archive, expected] of wrong) assert.match((await archiveFault(archive)) ?? "taken", expected);
  });
});
