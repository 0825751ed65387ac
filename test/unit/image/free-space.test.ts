import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { checkSpace } from "../../../steps/image/install/free-space.ts";

describe("a disk that is too small to build images", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit-host-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("is named, with the space that is needed", async () => {
    await checkSpace(folder, 1, "a test");
    const tooMuch = 2 ** 60;
    await assert.rejects(checkSpace(folder, tooMuch, "a test"), (error: Error) => {
      assert.ok(error.message.includes(folder) && error.message.includes(`${tooMuch / 2 ** 20} MiB`), error.message);
      return true;
    });
  });
});
