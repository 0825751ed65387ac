import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { UserError } from "../../../lib/errors.ts";
import type { SystemPackage } from "../../../lib/host.ts";
import { type Host, installSystemPackages, missingSystemPackages } from "../../../toolchain/system.ts";
import { writeProgram } from "./publisher.ts";
import { makeScratch, recorder, type Scratch } from "./scratch.ts";

const absent: SystemPackage = {
  debian: "piinit-test",
  fedora: "piinit-test-fedora",
  programs: ["piinit-test-program"],
};
const unported: SystemPackage = { debian: "piinit-test-two", programs: ["piinit-test-other"] };

describe("the system's packages", () => {
  let scratch: Scratch;
  let bin: string;
  let log: string;
  const host = (changes: Partial<Host> = {}): Host => ({
    platform: "linux",
    arch: "x64",
    isRoot: false,
    environment: { PATH: bin },
    ...changes,
  });
  const install = (missing: SystemPackage[], on: Host, ask?: (question: string) => Promise<boolean>) =>
    installSystemPackages(missing, { progress: recorder(), host: on, ask });
  const calls = () => readFile(log, "utf8").catch(() => "");

  beforeEach(async () => {
    scratch = await makeScratch();
    bin = path.join(scratch.dir, "bin");
    log = path.join(scratch.dir, "calls");
  });
  afterEach(() => scratch.remove());

  it("are told by the programs they bring", async () => {
    const names = async () => (await missingSystemPackages(host({ arch: "arm64" }))).map(({ debian }) => debian);
    for (const name of ["qemu-img", "newuidmap"]) await writeProgram(path.join(bin, name), "");
    assert.ok(!(await names()).includes("qemu-utils") && !(await names()).includes("uidmap"));
    await rm(path.join(bin, "qemu-img"));
    assert.ok((await names()).includes("qemu-utils"));
  });

  it("are missing when one of their programs is, or when it can't be run", async () => {
    await writeProgram(path.join(bin, "mformat"), "");
    await writeFile(path.join(bin, "mcopy"), "");
    const missing = await missingSystemPackages(host());
    assert.ok(missing.some(({ debian }) => debian === "mtools"));
  });

  it("fit the machine", async () => {
    const names = (await missingSystemPackages(host({ arch: "arm64" }))).map(({ debian }) => debian);
    assert.ok(names.includes("qemu-system-arm"));
    assert.ok(!names.includes("qemu-system-x86"));
  });

  it("are fewer for a stack without a lab, and fewest where another machine builds its images", async () => {
    const needed = async (isLab: boolean, buildsHere: boolean, emulates = false) =>
      (await missingSystemPackages(host(), { isLab, buildsHere, emulates })).map(({ debian }) => debian);
    assert.deepEqual(await needed(false, false), ["procps", "openssh-client"]);
    const withoutLab = await needed(false, true);
    assert.ok(withoutLab.includes("mmdebstrap") && !withoutLab.includes("qemu-utils"));
    const labAlone = await needed(true, false);
    assert.ok(labAlone.includes("qemu-utils") && !labAlone.includes("mmdebstrap"));
    const all = await needed(true, true);
    assert.deepEqual(all.toSorted(), [...new Set([...withoutLab, ...labAlone])].toSorted());
    assert.deepEqual((await needed(true, true, true)).toSorted(), [...all, "qemu-user-static"].toSorted());
  });

  describe("with apt", () => {
    const system = () => host({ environment: { PATH: `${bin}:/usr/bin:/bin` } });
    const yes = async () => true;
    const brings = (program: string) => `#!/bin/sh
echo "$DEBIAN_FRONTEND" "$@" >> '${log}'
[ "$1" = update ] || { touch '${bin}/${program}'; chmod +x '${bin}/${program}'; }
`;
    beforeEach(async () => {
      await writeProgram(path.join(bin, "apt-get"), brings("piinit-test-program"));
      await writeProgram(path.join(bin, "sudo"), `#!/bin/sh\necho sudo >> '${log}'\nexec "$@"\n`);
    });
    const installed = ["noninteractive update", "noninteractive install -y --no-install-recommends piinit-test"];

    it("are installed at once as root", async () => {
      await install([absent], { ...system(), isRoot: true });
      assert.deepEqual((await calls()).trim().split("\n"), installed);
    });

    it("are installed with sudo after a yes", async () => {
      await install([absent], system(), yes);
      assert.deepEqual(
        (await calls()).trim().split("\n"),
        installed.flatMap((call) => ["sudo", call]),
      );
    });

    it("are named when apt brings something else", async () => {
      await writeProgram(path.join(bin, "apt-get"), brings("another-program"));
      await assert.rejects(
        install([absent], system(), yes),
        /installed piinit-test, but piinit-test-program can't be found/,
      );
    });

    it("show apt's own words when it fails", async () => {
      await writeProgram(path.join(bin, "apt-get"), "#!/bin/sh\necho 'E: Unable to locate package' >&2; exit 100\n");
      await assert.rejects(install([absent], system(), yes), /exit code 100\n.*Unable to locate/);
    });
  });

  describe("without an answer to the question", () => {
    beforeEach(async () => {
      await writeProgram(path.join(bin, "apt-get"), `#!/bin/sh\necho "$@" >> '${log}'\n`);
      await writeProgram(path.join(bin, "sudo"), `#!/bin/sh\necho sudo "$@" >> '${log}'\n`);
    });

    it("aren't installed, and the very command is shown", async () => {
      await assert.rejects(install([absent], host()), (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, /piinit-test \(for piinit-test-program\) must be installed first/);
        assert.match(error.message, /^ {2}sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y .* piinit-test$/m);
        return true;
      });
      assert.equal(await calls(), "");
    });

    it("aren't installed when the answer is no", async () => {
      const questions: string[] = [];
      const ask = async (question: string) => questions.push(question) === 0;
      await assert.rejects(install([absent, unported], host(), ask), UserError);
      assert.match(questions.join(), /^piinit needs piinit-test, piinit-test-two .*sudo\?$/);
      assert.equal(await calls(), "");
    });
  });

  it("need no question when none is missing", async () => {
    await install([], host({ environment: { PATH: "" } }));
  });

  it("are only listed where there is no apt, with the names that they have there", async () => {
    await writeProgram(path.join(bin, "dnf"), "");
    await assert.rejects(install([absent, unported], host()), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /lacks piinit-test-program, piinit-test-other/);
      assert.match(error.message, /^ {2}sudo dnf install piinit-test-fedora$/m);
      assert.match(error.message, /no such package of dnf for piinit-test-other/);
      return true;
    });
    await assert.rejects(
      install([absent], host({ platform: "darwin", environment: { PATH: "" } })),
      /lacks piinit-test-program/,
    );
  });
});
