import assert from "node:assert/strict";
import { ioFailure, openFailure, Refused } from "../../../burn/failure.ts";

const failed = (code: string) => Object.assign(new Error(`${code}: text of the system`), { code });
const drive = (path: string) => ({ path, isFile: false });
const file = { path: "/tmp/card.img", isFile: true };

describe("an error of a drive", () => {
  it("says what to do: insert it again, or use another one", async () => {
    const messageFor = async (path: string, code: string) =>
      (await ioFailure(drive(path), "written to", failed(code))).message;
    assert.match(
      await messageFor("/dev/zero", "EIO"),
      /^\/dev\/zero can't be written to: it is broken or loose in its reader/,
    );
    assert.match(await messageFor("/dev/no-such-drive", "EIO"), /^\/dev\/no-such-drive was removed/);
    for (const code of ["ENXIO", "ENODEV", "Unknown system error -123"]) {
      assert.match(await messageFor("/dev/zero", code), /was removed/);
    }
    for (const code of ["ENOSPC", "EOF"])
      assert.match(await messageFor("/dev/zero", code), /has less space than it reports/);
    assert.match(await messageFor("/dev/zero", "EWHATEVER"), /can't be written to: EWHATEVER: text of the system/);
  });

  it("is a different one for a file", async () => {
    assert.match(
      (await ioFailure(file, "written to", failed("ENOSPC"))).message,
      /^The disk of \/tmp\/card\.img is full/,
    );
    assert.match((await ioFailure(file, "written to", failed("EFBIG"))).message, /can't grow to the image's size/);
    assert.match(
      (await ioFailure(file, "read back", failed("EIO"))).message,
      /card\.img can't be read back: it is broken/,
    );
  });

  it("is passed on unchanged if it is a bug of ours", async () => {
    for (const ours of [new TypeError("x is undefined"), failed("ERR_OUT_OF_RANGE")])
      assert.equal(await ioFailure(drive("/dev/zero"), "written to", ours), ours);
  });

  it("is a refusal if it can't be opened", () => {
    const expected = {
      EACCES: /may not write/,
      EBUSY: /in use by another/,
      EROFS: /write-protected/,
      ENOENT: /There is no/,
    };
    for (const [code, pattern] of Object.entries(expected)) {
      const error = openFailure("/dev/sdb", failed(code));
      assert.ok(error instanceof Refused && pattern.test(error.message), error.message);
    }
    assert.ok(!(openFailure("/dev/sdb", failed("EMFILE")) instanceof Refused));
  });
});
