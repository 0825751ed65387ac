import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { checks, find } from "../../../cli/doctor.ts";
import { machineProcesses } from "../../../steps/lab/machine-processes.ts";
import type { Host } from "../../../toolchain/system.ts";

describe("doctor on a Mac", () => {
  let bin: string;

  before(() => {
    bin = mkdtempSync(path.join(tmpdir(), "piinit-doctor-"));
    writeFileSync(path.join(bin, "brew"), "", { mode: 0o755 });
  });
  after(() => rmSync(bin, { recursive: true }));

  async function finding(stack: string, name: string) {
    const mac: Host = { platform: "darwin", arch: "arm64", isRoot: false, environment: { PATH: bin } };
    const check = checks(stack, mac).find(([what]) => what === name) ?? assert.fail(name);
    return find(check);
  }

  it("finds no machine of a lab where there is no /proc, and that nothing is wrong with that", async () => {
    assert.equal((await machineProcesses(bin, path.join(bin, "proc"))).size, 0);
    assert.deepEqual(await finding("example", "lab machines"), { what: "lab machines", ok: true, detail: "none" });
  });

  it("says that the lab isn't for Macs", async () => {
    const { ok, detail } = await finding("lab", "lab machines");
    assert.equal(ok, false);
    assert.match(detail, /runs only on Linux/);
  });

  it("names Homebrew's packages, which up doesn't install", async () => {
    const { ok, detail } = await finding("example", "system packages");
    assert.equal(ok, false);
    assert.match(detail, /brew install /);
    assert.doesNotMatch(detail, /up installs/);
  });
});
