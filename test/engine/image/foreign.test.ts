import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { parseDpkgStatus } from "../../../formats/dpkg-status.ts";
import type { Architecture } from "../../../lib/architecture.ts";
import { UserError } from "../../../lib/errors.ts";
import { runOnHost } from "../../../lib/host.ts";
import { silent } from "../../../lib/progress.ts";
import { readFiles } from "../../../steps/image/filesystem/debugfs.ts";
import { emulationFor } from "../../../steps/image/layers/cached-layers.ts";
import { chooseSource } from "../../../steps/image/layers/choose-source.ts";
import { hostPlatform } from "../../../toolchain/platform.ts";
import { setEnvironment } from "../../environment.ts";
import { testManifest } from "../../unit/image/manifest.ts";
import { installSystem } from "./install.ts";

const context = { progress: silent, signal: new AbortController().signal };
const host = hostPlatform().architecture;
const machineOf = { amd64: 0x3e, arm64: 0xb7 };
const foreign = host === "amd64" ? "arm64" : "amd64";

const manifestFor = (architecture: Architecture) => testManifest({ architecture, packages: ["netbase"] });
const needs = (architecture: Architecture) =>
  emulationFor(architecture, chooseSource(manifestFor(architecture)), context);

describe("a system of another architecture than the host's", function () {
  this.timeout(20 * 60_000);
  let folder: string;
  let system: string;
  let restore: () => void;

  before(async function () {
    folder = await mkdtemp("/var/tmp/piinit-foreign-");
    restore = setEnvironment({ XDG_CACHE_HOME: path.join(folder, "cache") });
    const emulation = await whereItCanBe(needs(foreign));
    if (!emulation?.native) this.skip();
    system = await installSystem(manifestFor(foreign), folder, emulation);
  });
  after(async () => {
    restore();
    await rm(folder, { recursive: true, force: true });
  });

  const debugfs = (command: string) => runOnHost("debugfs", ["-R", command, system]);
  const contentOf = async (file: string) => {
    const [content] = await readFiles({ disk: system, offset: 0 }, [file], folder, context.signal);
    return content ?? assert.fail(`no ${file}`);
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
    assert.equal(await needs(host), undefined);
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
