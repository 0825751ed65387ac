import assert from "node:assert/strict";
import { UserError } from "../../../lib/errors.ts";
import { decodeSnapshot, encodeSnapshot, type Snapshot } from "../../../snapshot/file.ts";

const passphrase = "correct horse";
const consul = { version: "1.22.2", datacenter: "home", archive: Buffer.from("Consul's archive\n\0with a key") };
const nomad = { version: "1.11.2", datacenter: "home", archive: Buffer.from("Nomad's archive") };
const snapshot: Snapshot = {
  stack: "home",
  time: new Date("2026-11-26T04:45:12.345Z"),
  piinit: "0.1.0",
  consul,
  nomad,
};

describe("a snapshot's file", function () {
  this.timeout("30s");
  let bytes: Buffer;
  const refusal = async (changed: Buffer, word = passphrase): Promise<string> => {
    const error = await decodeSnapshot(changed, word, "my.snapshot").catch((reason: unknown) => reason);
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, /^my\.snapshot /);
    return error.message;
  };
  const endOfHead = () => bytes.indexOf("\n", bytes.indexOf("\n") + 1) + 1;
  const withHead = (change: (text: string) => string) =>
    Buffer.concat([Buffer.from(change(bytes.toString("latin1", 0, endOfHead()))), bytes.subarray(endOfHead())]);

  before(async () => {
    bytes = await encodeSnapshot(snapshot, passphrase);
  });

  it("gives back what went in, with Nomad or without", async () => {
    assert.deepEqual(await decodeSnapshot(bytes, passphrase, "f"), snapshot);
    const { nomad: _, ...withoutNomad } = snapshot;
    assert.deepEqual(
      await decodeSnapshot(await encodeSnapshot(withoutNomad, passphrase), passphrase, "f"),
      withoutNomad,
    );
  });

  it("says what it is, and nothing of its content, to those without the passphrase", () => {
    assert.match(bytes.toString("latin1"), /^piinit snapshot 1\n\{"scrypt"/);
    for (const word of ["archive", "home", "1.22.2", "2026", passphrase]) assert.ok(!bytes.includes(word), word);
  });

  it("differs each time", async () => {
    const again = await encodeSnapshot(snapshot, passphrase);
    assert.notDeepEqual(again.subarray(endOfHead()), bytes.subarray(endOfHead()));
  });

  it("tells a wrong passphrase from a damaged file", async () => {
    assert.match(await refusal(bytes, "wrong horse"), /encrypted with another passphrase than this stack has now/);
  });

  it("tells how much is missing at its end, wherever it was cut off", async () => {
    const head = endOfHead();
    assert.match(await refusal(bytes.subarray(0, -1)), /is cut off: 1 bytes are missing/);
    assert.match(await refusal(bytes.subarray(0, head)), /is cut off: \d+ bytes are missing/);
    assert.match(await refusal(bytes.subarray(0, head - 1)), /is cut off after its first line/);
    assert.match(await refusal(bytes.subarray(0, 10)), /is not a snapshot of piinit/);
    assert.match(await refusal(Buffer.alloc(0)), /is not a snapshot of piinit/);
  });

  it("says that it was changed, whichever part was", async () => {
    const places = [endOfHead(), endOfHead() + 40, bytes.length - 17, bytes.length - 16, bytes.length - 1];
    for (const place of places) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(place) ^ 1, place);
      assert.match(await refusal(changed), /is damaged, or was changed/, `byte ${place}`);
    }
    assert.match(await refusal(Buffer.concat([bytes, Buffer.from("more")])), /is damaged/);
    assert.match(await refusal(withHead((text) => text.replace('"bytes"', '"bites"'))), /is damaged/);
    assert.match(await refusal(withHead((text) => text.replace("{", "{ "))), /is damaged/);
    const costly = (text: string) => text.replace('"N":131072', '"N":1073741824');
    assert.match(await refusal(withHead(costly)), /is damaged/);
  });

  it("says that something else is no snapshot, and that a newer format needs a newer piinit", async () => {
    assert.match(await refusal(Buffer.from("#!/bin/sh\nexit\n")), /it doesn't begin with "piinit snapshot 1"/);
    assert.match(await refusal(Buffer.alloc(10_000)), /is not a snapshot of piinit/);
    const newer = withHead((text) => text.replace("snapshot 1", "snapshot 2"));
    assert.match(await refusal(newer), /of a newer piinit \(format 2; this one reads 1\)\. Update piinit/);
  });
});
