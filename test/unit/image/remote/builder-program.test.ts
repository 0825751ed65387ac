import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import {
  type BuilderProgram,
  builderProgram,
  putCommand,
  startCommand,
  writeProgram,
} from "../../../../steps/image/remote/builder-program.ts";
import { mark } from "../../../../steps/image/remote/transfer.ts";

describe("the program that a builder gets", function () {
  this.timeout(60_000);
  let program: BuilderProgram;
  let folder: string;
  const there = (...parts: string[]) => path.join(folder, "cache", "piinit", "builder", ...parts);
  /** As sshd runs it, by the user's own shell. */
  const onBuilder = (command: string, input: Uint8Array | "" = "", more: Record<string, string> = {}) => {
    const env = { PATH: process.env.PATH ?? "", HOME: folder, XDG_CACHE_HOME: path.join(folder, "cache"), ...more };
    return execa("sh", ["-c", command], { input, env, extendEnv: false, reject: false });
  };
  const tar = async () => {
    await writeProgram(program, path.join(folder, "local"));
    const args = ["-czf", "-", "-C", path.join(folder, "local"), "."];
    return (await execa("tar", args, { encoding: "buffer" })).stdout;
  };

  before(async () => {
    program = await builderProgram();
  });
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit builder's "));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("has the same name until something of it changes", async () => {
    assert.match(program.name, /^[0-9a-f]{16}$/);
    assert.equal((await builderProgram()).name, program.name);
  });

  it("is asked for, put there once, and runs without any package beside it", async () => {
    assert.equal((await onBuilder(startCommand(program))).stdout, `${mark}missing`);
    const archive = await tar();
    for (let time = 0; time < 2; time++) assert.equal((await onBuilder(putCommand(program), archive)).exitCode, 0);
    assert.deepEqual(await readdir(there()), [program.name]);
    assert.deepEqual((await readdir(there(program.name))).toSorted(), ["toolchain"]);
    assert.ok((await readdir(there(program.name, "toolchain", "go"))).includes("consul"));

    const { stdout, stderr, exitCode } = await onBuilder(startCommand(program), "");
    assert.equal(stdout, `${mark}ready`);
    assert.match(stderr, /interrupted: the connection has ended/);
    assert.equal(exitCode, 1);
  });

  it("is there whole or not at all", async () => {
    const archive = await tar();
    for (const length of [0, archive.length / 2, archive.length - 1]) {
      const { exitCode, stderr } = await onBuilder(putCommand(program), archive.subarray(0, length));
      assert.notEqual(exitCode, 0);
      assert.match(stderr, /unexpected|EOF|end of file|not look like/i);
      assert.deepEqual(await readdir(there()), []);
    }
  });

  it("takes the place of those that weren't used for long", async () => {
    const day = 24 * 60 * 60;
    for (const [name, days] of [["old", 40] as const, ["recent", 3] as const]) {
      await mkdir(there(name), { recursive: true });
      const time = Date.now() / 1000 - days * day;
      await utimes(there(name), time, time);
    }
    await onBuilder(putCommand(program), await tar());
    assert.deepEqual((await readdir(there())).toSorted(), [program.name, "recent"].toSorted());
  });

  it("says what to install where Node is missing or too old", async () => {
    const bin = path.join(folder, "bin");
    await mkdir(bin);
    const told = () => onBuilder(startCommand(program), "", { PATH: `${bin}:/bin-that-is-not` });
    await writeFile(path.join(bin, "sh"), '#!/bin/sh\nexec /bin/sh "$@"\n');
    await chmod(path.join(bin, "sh"), 0o755);
    const absent = await told();
    const older = path.join(folder, "older.cjs");
    await writeFile(older, 'Object.defineProperty(process, "versions", { value: { node: "20.17.0" } });');
    await writeFile(path.join(bin, "node"), `#!/bin/sh\nexec '${process.execPath}' --require '${older}' "$@"\n`);
    await chmod(path.join(bin, "node"), 0o755);
    for (const { exitCode, stdout, stderr } of [absent, await told()]) {
      assert.deepEqual([exitCode, stdout], [1, ""]);
      assert.match(stderr, /needs Node\.js 20\.18 or newer .*sudo apt-get install nodejs/);
    }
  });
});
