import assert from "node:assert/strict";
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { burnPackages } from "../../../burn/burn-packages.ts";
import { findOnPath, hostPath, missingPackages, packagesOf, requirePrograms } from "../../../lib/host.ts";
import { projectDir } from "../../../lib/paths.ts";
import { allPackages } from "../../packages.ts";

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
    await assert.rejects(requirePrograms("A test", needed, allPackages, { PATH: `/nowhere:${folder}` }), {
      name: "UserError",
      message: /^A test needs .*: mke2fs, debugfs, mcopy, flock\.\n.* install e2fsprogs mtools util-linux$/,
    });
    await requirePrograms("A test", ["mmdebstrap"], allPackages, { PATH: folder });
  });

  it("are all known to be in a package, wherever the code starts one by its name", async () => {
    // What runs this, what the toolchain brings, and what is only looked for.
    const ours = ["node", "pulumi", "apt-get", "apt-cache", "sudo"];
    const onlyOnMacs = ["diskutil", "plutil", "route"];
    const started = new Set<string>();
    for (const folder of ["burn", "cli", "components", "formats", "lib", "steps", "toolchain"]) {
      for (const name of await readdir(path.join(projectDir, folder), { recursive: true })) {
        if (!name.endsWith(".ts") || name.startsWith("offline")) continue;
        const text = await readFile(path.join(projectDir, folder, name), "utf8");
        const starts = /\b(?:run|runOnHost|spawn|execa|findOnPath)\(\s*"([^"]+)"/g;
        for (const [, program = ""] of text.matchAll(starts)) started.add(program);
      }
    }
    assert.ok(started.has("debugfs") && started.has("flock") && started.has("ssh"), [...started].join(" "));
    const unknown = [...started].filter((program) => ![...ours, ...onlyOnMacs].includes(program) && !isKnown(program));
    assert.deepEqual(unknown, []);
  });

  it("need no library where they have to be static, whatever their name ends with", async () => {
    const missing = async () =>
      (await missingPackages([{ debian: "x", programs: [], staticPrograms: ["emulator"] }], { PATH: folder })).length >
      0;
    const put = (name: string, program: string) => copyFile(program, path.join(folder, name));
    assert.equal(await missing(), true);
    // This one has libraries, and a script is no program of the kind.
    await put("emulator", (await findOnPath("mke2fs", { PATH: hostPath() })) ?? assert.fail());
    assert.equal(await missing(), true);
    await writeFile(path.join(folder, "emulator"), "#!/bin/sh\n", { mode: 0o755 });
    assert.equal(await missing(), true);
    await put("emulator", (await findOnPath("busybox", { PATH: hostPath() })) ?? assert.fail());
    assert.equal(await missing(), false);
    await rm(path.join(folder, "emulator"));
    await writeFile(path.join(folder, "emulator-static"), "", { mode: 0o755 });
    assert.equal(await missing(), false);
  });

  it("make a package missing when one of them is; without programs, when none of its files is there", async () => {
    await writeFile(path.join(folder, "mount"), "", { mode: 0o755 });
    const missing = async (programs: string[], files?: string[]) =>
      (await missingPackages([{ debian: "x", programs, ...(files && { files }) }], { PATH: folder })).length > 0;
    assert.equal(await missing(["mount"]), false);
    assert.equal(await missing(["mount", "no-such-program"]), true);
    assert.equal(await missing([], ["/no/such/file", path.join(folder, "mount")]), false);
    assert.equal(await missing([], ["/no/such/file"]), true);
  });
});

function isKnown(program: string): boolean {
  try {
    return packagesOf([program], [...allPackages, ...burnPackages]).length > 0;
  } catch {
    return false;
  }
}
