import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { withLockOn } from "../../../lib/lock.ts";
import { silent } from "../../../lib/progress.ts";

describe("a lock", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit-lock-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const context = (signal = new AbortController().signal) => ({ progress: silent, signal });

  it("is held by one after the other, and free again after work that failed", async () => {
    const file = path.join(folder, "lock");
    const order: string[] = [];
    const work = (name: string) => async () => {
      order.push(name);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(name);
      if (name === "bad") throw new Error("bad work");
    };
    await assert.rejects(withLockOn(file, "", context(), work("bad")), /bad work/);
    await Promise.all(["a", "b"].map((name) => withLockOn(file, "", context(), work(name))));
    assert.deepEqual([order[2] === order[3], order[4] === order[5], order.length], [true, true, 6]);
  });

  it("is no longer waited for after an interruption", async () => {
    const file = path.join(folder, "lock");
    const interrupt = new AbortController();
    await withLockOn(file, "", context(), async () => {
      const second = withLockOn(file, "", context(interrupt.signal), () => assert.fail("works without the lock"));
      setImmediate(() => interrupt.abort(new Error("interrupted")));
      await assert.rejects(second, /interrupted/);
    });
  });

  it("that can't be had is told with the file and the reason", async () => {
    const file = path.join(folder, "missing", "lock");
    await assert.rejects(
      withLockOn(file, "", context(), async () => {}),
      { name: "UserError", message: new RegExp(`^Can't lock ${file}: flock: .*No such file or directory`) },
    );
  });
});
