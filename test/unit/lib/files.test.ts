import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { inTemporaryFolder } from "../../../lib/files.ts";
import { projectDir } from "../../../lib/paths.ts";
import { setEnvironment } from "../../environment.ts";

describe("a temporary folder", () => {
  let dir: string;
  let restore: () => void;

  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), "piinit-files-"));
    restore = setEnvironment({ TMPDIR: dir });
  });
  afterEach(() => {
    restore();
    rmSync(dir, { recursive: true });
  });

  const ours = () => readdirSync(dir).filter((name) => name.startsWith("piinit-tmp-"));
  const use = () => inTemporaryFolder(async (folder) => assert.deepEqual(ours(), [path.basename(folder)]));

  it("is gone afterwards, with what a killed process left", async () => {
    const program = `
      import { inTemporaryFolder } from "./lib/files.ts";
      await inTemporaryFolder(() => { console.log("made"); return new Promise((resolve) => setTimeout(resolve, 60_000)); });`;
    const child = spawn(process.execPath, ["--import=tsx", "--input-type=module", "--eval", program], {
      cwd: projectDir,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exit = once(child, "exit");
    await once(child.stdout, "data");
    const [whileItRuns] = ours();
    await inTemporaryFolder(async () => assert.ok(ours().includes(whileItRuns ?? "none")));
    child.kill("SIGKILL");
    await exit;
    assert.deepEqual(ours(), [whileItRuns]);
    await use();
    assert.deepEqual(ours(), []);
  }).timeout(30_000);

  it("leaves what another user's process left", async function () {
    if (process.getuid?.() !== 0) return this.skip();
    const theirs = path.join(dir, `piinit-tmp-${hostname()}-4194305-abcdef`);
    mkdirSync(theirs);
    chownSync(theirs, 12345, 12345);
    await inTemporaryFolder(async () => {});
    assert.deepEqual(ours(), [path.basename(theirs)]);
  });
});
