import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { makeBase, makePackages, rootImage } from "../../../commands/image/build/debian.ts";
import { hostArchitecture } from "../../../commands/image/build/emulation.ts";
import { parseDpkgStatus } from "../../../commands/image/build/installed.ts";
import { emulationFor } from "../../../commands/image/build.ts";
import type { DebianBase, ManifestOf } from "../../../commands/image/manifest.ts";
import { UserError } from "../../../lib/errors.ts";
import { runOnHost } from "../../../lib/host.ts";
import { silent } from "../../../lib/progress.ts";
import { testManifest } from "../../unit/image/manifest.ts";

const context = { progress: silent, signal: new AbortController().signal };
const host = hostArchitecture() ?? "amd64";
const machineOf = { amd64: 0x3e, arm64: 0xb7 };
const foreign = host === "amd64" ? "arm64" : "amd64";

const manifestFor = (architecture: "amd64" | "arm64") =>
  testManifest({ architecture, packages: ["netbase"] }) as ManifestOf<DebianBase>;

describe("a system of another architecture than the host's", function () {
  this.timeout(20 * 60_000);
  let folder: string;
  let system: string;

  const cacheBefore = process.env.XDG_CACHE_HOME;

  before(async function () {
    folder = await mkdtemp("/var/tmp/piinit-foreign-");
    process.env.XDG_CACHE_HOME = path.join(folder, "cache");
    const emulation = await whereItCanBe(emulationFor(manifestFor(foreign), context));
    if (!emulation?.native) this.skip();
    const [base, packages] = [path.join(folder, "base"), path.join(folder, "packages")];
    for (const dir of [base, packages]) await mkdir(dir, { mode: 0o700 });
    await makeBase(manifestFor(foreign), base, context, emulation);
    await makePackages(manifestFor(foreign), base, packages, context, emulation);
    system = path.join(packages, rootImage);
  });
  after(async () => {
    if (cacheBefore === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = cacheBefore;
    await rm(folder, { recursive: true, force: true });
  });

  const debugfs = (command: string) => runOnHost("debugfs", ["-R", command, rootImage], { cwd: path.dirname(system) });
  const contentOf = async (file: string) => {
    await debugfs(`dump ${file} copy`);
    return readFile(path.join(path.dirname(system), "copy"));
  };

  it("has no program of the host's, though these did most of the work", async () => {
    const programs = ["bash", "dash", "dpkg", "kmod", "perl", "sed", "systemd-hwdb", "tar"];
    for (const name of programs) {
      const start = await contentOf(`/usr/bin/${name}`);
      assert.equal(start.readUInt16LE(18), machineOf[foreign], name);
    }
    assert.doesNotMatch(await debugfs("ls -p /"), /native/);
    assert.doesNotMatch(String(await contentOf("/var/lib/dpkg/diversions")), /emulated/);
    assert.doesNotMatch(await debugfs("ls -p /etc/apt/apt.conf.d"), /native/);
  });

  it("has its packages, all of them set up", async () => {
    const status = String(await contentOf("/var/lib/dpkg/status"));
    const states = new Set(status.match(/^Status: .*$/gm));
    assert.deepEqual([...states], ["Status: install ok installed"]);
    const installed = parseDpkgStatus(status);
    assert.ok(installed.some(({ name }) => name === "netbase"));
    assert.deepEqual([...new Set(installed.map(({ architecture }) => architecture))].toSorted(), ["all", foreign]);
  });

  it("needs nothing of that on a host of its own architecture", async () => {
    assert.equal(await emulationFor(manifestFor(host as "amd64"), context), undefined);
  });
});

/** Nothing where a fault of this machine stands in the way, such as a kernel that gives this user no list of formats. */
async function whereItCanBe<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
