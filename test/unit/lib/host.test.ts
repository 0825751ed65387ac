import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { hostPath, requirePrograms } from "../../../lib/host.ts";

describe("programs of the host", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit-host-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("are looked for in the administrator's folders too", () => {
    assert.equal(hostPath({ PATH: "/usr/bin:/sbin" }), "/usr/bin:/sbin:/usr/local/sbin:/usr/sbin");
  });

  it("are all named when they are missing, and their packages once each", async () => {
    await writeFile(path.join(folder, "mmdebstrap"), "", { mode: 0o755 });
    await writeFile(path.join(folder, "flock"), "", { mode: 0o644 });
    const needed = ["mmdebstrap", "mke2fs", "debugfs", "mcopy", "flock"];
    await assert.rejects(requirePrograms("A test", needed, { PATH: `/nowhere:${folder}` }), {
      name: "UserError",
      message: /^A test needs .*: mke2fs, debugfs, mcopy, flock\.\n.* install e2fsprogs mtools util-linux$/,
    });
    await requirePrograms("A test", ["mmdebstrap"], { PATH: folder });
  });
});
