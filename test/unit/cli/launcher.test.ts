import assert from "node:assert/strict";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { findOnPath } from "../../../lib/host.ts";
import { projectDir } from "../../../lib/paths.ts";

const wanted = "20.18";

describe("the launcher", () => {
  let folder: string;
  let bin: string;
  beforeEach("a checkout without node modules, and a PATH with little on it", async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit-launcher-"));
    bin = path.join(folder, "bin");
    for (const made of [bin, path.join(folder, "start")]) await mkdir(made);
    for (const name of ["piinit", "package.json", "package-lock.json", "start/main.mjs"])
      await copyFile(path.join(projectDir, name), path.join(folder, name));
    for (const name of ["sh", "dirname", "readlink", "cmp"])
      await symlink((await findOnPath(name, process.env)) ?? assert.fail(name), path.join(bin, name));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const launch = () => execa("./piinit", ["--help"], { cwd: folder, env: { PATH: bin }, all: true, reject: false });

  /** This Node.js under another version. */
  async function putNode(version: string): Promise<void> {
    const preload = path.join(folder, "version.cjs");
    await writeFile(
      preload,
      `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } });`,
    );
    const program = path.join(bin, "node");
    await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' --require '${preload}' "$@"\n`);
    await chmod(program, 0o755);
  }

  it("wants the Node.js that package.json and the README name", async () => {
    const { engines } = JSON.parse(await readFile(path.join(projectDir, "package.json"), "utf8"));
    assert.equal(engines.node, `>=${wanted}`);
    assert.ok((await readFile(path.join(projectDir, "README.md"), "utf8")).includes(`Node.js ${wanted} or newer`));
  });

  for (const version of ["18.20.4", "20.17.0"])
    it(`refuses Node.js ${version}, with what it must be`, async () => {
      await putNode(version);
      const { exitCode, all } = await launch();
      assert.deepEqual([exitCode, all.includes(`Node.js ${wanted} or newer on PATH, not ${version}`)], [1, true], all);
    });

  for (const version of ["20.18.1", "24.0.0"])
    it(`takes Node.js ${version}, and names npm where that is what is missing`, async () => {
      await putNode(version);
      const { exitCode, all } = await launch();
      assert.equal(exitCode, 1);
      assert.match(all, /^piinit needs npm on PATH.* package npm$/);
    });

  it("says so when there is no Node.js", async () => {
    const { exitCode, all } = await launch();
    assert.equal(exitCode, 1);
    assert.match(all, /^piinit needs Node\.js on PATH/);
  });
});

describe("the program", () => {
  const piinit = (...args: string[]) => execa("./piinit", args, { cwd: projectDir, all: true, reject: false });

  it("lists every command, and there is a file for each", async () => {
    const { all: list } = await piinit("--help");
    const names = [...(list.split("Commands:")[1] ?? "").matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => String(name));
    assert.deepEqual(
      names.map((name) => `${name}.ts`).sort(),
      (await readdir(path.join(projectDir, "cli"))).filter((file) => file.endsWith(".ts") && file !== "main.ts").sort(),
    );
    const { exitCode, all } = await piinit("lab", "start", "--help");
    assert.equal(exitCode, 0, all);
    assert.match(all, /^Usage: piinit lab start /);
  });
});
