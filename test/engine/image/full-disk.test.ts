import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { hostArchitecture } from "../../../lib/architecture.ts";
import { projectDir } from "../../../lib/paths.ts";
import { testManifest } from "../../unit/image/manifest.ts";

describe("a disk with too little room for a build", function () {
  this.timeout(60_000);
  let folder: string;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit-full-"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("is named before anything is installed, with what is free and what is needed", async () => {
    const manifest = testManifest({ architecture: hostArchitecture() ?? "amd64" });
    const onSmallDisk = 'mount -t tmpfs -o size=64m tmpfs "$0" && "$@"; code=$?; ls -R "$0" >&2; exit $code';
    const builder = [process.execPath, "--import", "tsx", path.join(projectDir, "steps/image/main.ts"), "build"];
    const { exitCode, stderr } = await execa(
      "unshare",
      ["--user", "--map-root-user", "--mount", "sh", "-c", onSmallDisk, folder, ...builder],
      {
        input: JSON.stringify({ manifest, outputDir: path.join(folder, "images") }),
        env: { XDG_CACHE_HOME: path.join(folder, "cache"), TMPDIR: folder },
        cwd: projectDir,
        reject: false,
      },
    );
    assert.equal(exitCode, 1, stderr);
    assert.match(stderr, /The disk of \S+ has \d+ MiB free, but .* needs about 700 MiB\. Free some space/);
    assert.doesNotMatch(stderr, /\.tar|\.img|\.deb/, "something is left");
    assert.deepEqual(await readdir(folder), []);
  });
});
