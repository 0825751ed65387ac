import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { silent } from "../../../lib/progress.ts";
import { preparePulumi } from "../../../toolchain/pulumi.ts";
import { getTool } from "../../../toolchain/tools.ts";
import { setEnvironment } from "../../environment.ts";
import { type HeldStack, makeHeldStack } from "./held.ts";

/** What looking may not change: each file by name, with its size, its times and where a link leads. */
async function snapshot(...folders: string[]): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const folder of folders) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])) {
      const file = path.join(entry.parentPath ?? entry.path, entry.name);
      const { size, mtimeMs, ctimeMs } = await lstat(file);
      const target = entry.isSymbolicLink() ? await readlink(file) : "";
      files[file] = entry.isDirectory() ? "folder" : [target, size, mtimeMs, ctimeMs].join(" ");
    }
  }
  return files;
}

/** Each test goes on from where the one before it left the stack. */
describe("commands that only look", function () {
  this.timeout("5m");
  this.bail(true);
  let stack: HeldStack;
  const looking = ["doctor", "status", "preview", "env", "--help"];

  before(async () => {
    stack = await makeHeldStack();
    Object.assign(stack.env, {
      HOME: path.join(stack.dir, "../home"),
      XDG_CACHE_HOME: path.join(stack.dir, "../cache"),
    });
    stack.steps({ one: "1" });
  });
  after(() => stack.remove());

  const whole = () =>
    snapshot(
      ...[
        stack.dir,
        path.join(stack.dir, "../cache"),
        path.join(stack.dir, "../home"),
        path.join(stack.dir, "../config"),
      ],
      "/var/lib/dpkg",
    );

  /** What each says, by name. */
  async function look(...commands: string[]): Promise<Record<string, { exitCode: number; output: string }>> {
    const before = await whole();
    const said: Record<string, { exitCode: number; output: string }> = {};
    for (const command of commands) {
      const { exitCode, output } = await stack.piinit(command, "held");
      said[command] = { exitCode, output };
      assert.deepEqual(await whole(), before, `${command} changed something`);
      assert.doesNotMatch(output, /^ +at /m);
    }
    return said;
  }

  /** The tools of this machine, in the cache of the test. */
  async function putTools(): Promise<void> {
    const cache = path.join(stack.dir, "../cache");
    const { path: pulumi } = await getTool("pulumi", { progress: silent });
    const folder = path.dirname(pulumi);
    cpSync(folder, path.join(cache, "piinit/toolchain", path.basename(folder)), { recursive: true });
    const restore = setEnvironment({ XDG_CACHE_HOME: cache, XDG_CONFIG_HOME: path.join(stack.dir, "../other") });
    await preparePulumi(silent).finally(restore);
  }

  it("say what is missing where nothing is installed, and how to get it", async () => {
    const { doctor, "--help": help, ...others } = await look(...looking);
    assert.equal(help?.exitCode, 0);
    assert.match(doctor?.output ?? "", /^BAD {2}toolchain: missing: pulumi 3\..*; \.\/piinit up installs them$/m);
    for (const { exitCode, output } of Object.values(others)) {
      assert.equal(exitCode, 1);
      assert.match(output, /^Not installed yet: pulumi 3\..* installs nothing; run \.\/piinit up held first/m);
    }
  });

  it("show a stack that was never made, once the tools are there", async () => {
    await putTools();
    const { doctor, status, preview, env } = await look(...looking);
    assert.match(doctor?.output ?? "", /^ok +settings of held: 3 machines, images server$/m);
    assert.match(status?.output ?? "", /^pi1 +127\.0\.0\.51 +no answer/m);
    assert.equal(preview?.exitCode, 0, preview?.output);
    assert.match(preview?.output ?? "", /command:local:Command one +create/);
    assert.match(env?.output ?? "", /^export PULUMI_BACKEND_URL=file:/m);
    assert.ok(!existsSync(path.join(stack.dir, ".piinit")));
  });

  it("show one that was made, though its settings lost what Pulumi had written into them", async () => {
    const file = path.join(stack.dir, "stacks/Pulumi.held.yaml");
    const settings = readFileSync(file, "utf8");
    const { exitCode, output } = await stack.piinit("up", "held", "--yes");
    assert.equal(exitCode, 0, output);
    assert.match(readFileSync(file, "utf8"), /encryptionsalt/);
    assert.match((await look("preview")).preview?.output ?? "", /3 unchanged/);
    writeFileSync(file, settings);
    await look("preview", "status", "doctor");
  });

  it("show whose lock is in the way, and leave it", async () => {
    const folder = path.join(stack.dir, ".piinit/.pulumi/locks/organization/piinit/held");
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "empty.json"), "");
    const { doctor } = await look("doctor");
    assert.match(doctor?.output ?? "", /^BAD {2}lock: Stack held has a stale lock/m);
    rmSync(folder, { recursive: true });
  });

  it("show where to find the passphrase of a stack's secrets", async () => {
    const config = path.join(stack.dir, "../config");
    await stack.piinit("secret", "kv.word", "held");
    cpSync(config, `${config}-kept`, { recursive: true });
    for (const folder of [config, path.join(stack.dir, ".piinit")]) rmSync(folder, { recursive: true });
    const { preview } = await look("preview");
    assert.match(preview?.output ?? "", /^The secrets of stack held can't be read .*config\/piinit\/passphrase/m);
    cpSync(`${config}-kept`, config, { recursive: true });
  });

  it("know a stack of another backend, where it is made once", async () => {
    const folder = path.join(stack.dir, "../backend");
    mkdirSync(folder);
    stack.env.PULUMI_BACKEND_URL = pathToFileURL(folder).href;
    const before = await snapshot(folder);
    assert.match((await stack.piinit("preview", "held")).output, /one +create/);
    assert.deepEqual(await snapshot(folder), before);
    for (const summary of [/3 created/, /3 unchanged/]) {
      const { exitCode, output } = await stack.piinit("up", "held", "--yes");
      assert.equal(exitCode, 0, output);
      assert.match(output, summary);
    }
    assert.match((await stack.piinit("preview", "held")).output, /3 unchanged/);
    assert.ok(!existsSync(path.join(stack.dir, ".piinit")));
    await execa("gzip", [path.join(folder, ".pulumi/stacks/piinit/held.json")]);
    assert.match((await stack.piinit("up", "held", "--yes")).output, /3 unchanged/);
  });
});
