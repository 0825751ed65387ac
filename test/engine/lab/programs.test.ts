import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { projectDir } from "../../../lib/paths.ts";
import { run } from "../../../lib/run.ts";
import { makeData } from "../../../steps/lab/disks.ts";
import { canBoot, requireEmulator } from "../../../steps/lab/emulator.ts";
import { fileOf } from "../../../steps/lab/folder.ts";
import { routerHostKey } from "../../../steps/lab/keys.ts";
import { withMachine } from "../../../steps/lab/lock.ts";
import { context, labForEachTest, makeLab, type TestLab } from "./fixture.ts";
import { type End, guestKernel } from "./guest.ts";

/** Runs a verb as a Command resource does; its pipes are read to their end, which a machine left behind must not hold. */
async function verb(name: string, input: object): Promise<unknown> {
  const program = path.join(projectDir, "steps/lab/main.ts");
  const output = await run("node", ["--import", "tsx", program, name], {
    cwd: projectDir,
    input: JSON.stringify(input),
    timeoutMs: 60_000,
  });
  return output === "" ? undefined : JSON.parse(output);
}

describe("the lab's programs", function () {
  this.timeout(180_000);
  const lab = labForEachTest();

  it("make a folder for the user alone, with a key that is kept", async () => {
    const first = (await verb("lab-create", { dir: lab.dir })) as { keyFile: string; publicKey: string };
    assert.match(first.publicKey, /^ssh-ed25519 [\w+/=]+/);
    assert.equal((await stat(first.keyFile)).mode & 0o777, 0o600);
    assert.equal((await stat(lab.dir)).mode & 0o777, 0o700);
    assert.deepEqual(await verb("lab-create", { dir: lab.dir }), first);
  });

  it("leave machines running behind them, and take them away again", async () => {
    await lab.startRouter();
    const running = (await verb("machine-start", lab.machine(11))) as { ports: object };
    assert.deepEqual(Object.keys(running.ports), ["ssh", "consul", "nomad"]);
    assert.deepEqual(await verb("machine-start", lab.machine(11)), running);
    await verb("machine-stop", { dir: lab.dir, name: "pi11" });
    assert.equal(existsSync(fileOf(lab.dir, "pi11", "record")), false);
    await verb("lab-delete", { dir: lab.dir });
    assert.equal(existsSync(lab.dir), false);
  });

  it("name everything that is wrong with their input", async () => {
    const wrong = { ...lab.machine(11), name: "../etc", mac: "no" };
    await assert.rejects(verb("machine-start", wrong), /name: is not a host name[\s\S]*mac: is not a MAC/);
  });
});

describe("the router's data disk", () => {
  let lab: TestLab;
  before(async function () {
    this.timeout(30_000);
    lab = await makeLab();
  });
  after(() => lab.remove());

  it("holds the SSH host key that the lab knows, owned by root and closed to others", async function () {
    this.timeout(30_000);
    const { privateKey, publicKey } = await routerHostKey(lab.dir);
    await makeData(lab.router, privateKey);
    const disk = fileOf(lab.dir, "router", "data");
    const debugfs = async (command: string) =>
      (await execa("debugfs", ["-R", command, disk], { env: { PATH: `${process.env.PATH}:/usr/sbin` } })).stdout;
    assert.match(await debugfs("stat /ssh/ssh_host_ed25519_key"), /Mode: +0600[\s\S]*User: +0 +Group: +0 /);
    assert.match(await debugfs("stat /ssh"), /Mode: +0700[\s\S]*User: +0 +Group: +0 /);
    assert.equal((await debugfs("cat /ssh/ssh_host_ed25519_key")).trim(), privateKey.trim());
    assert.match(await debugfs("show_super_stats -h"), /volume name: +data/);
    assert.match(publicKey, /^ssh-ed25519 /);
    assert.match(await readFile(path.join(lab.dir, "router_host_key"), "utf8"), /PRIVATE KEY/);
  });
});

describe("the probe for acceleration", function () {
  this.timeout(60_000);
  let folder: string;
  before(async function () {
    if (process.arch !== "x64") this.skip();
    folder = await mkdtemp(path.join(tmpdir(), "piinit-probe-"));
  });
  after(async () => {
    if (folder) await rm(folder, { recursive: true });
  });

  const boots = async (text: string, end: End) => {
    const kernel = path.join(folder, "kernel");
    await writeFile(kernel, guestKernel({ text, end }));
    return await canBoot(await requireEmulator(), "tcg", { kernel, commandLine: "console=ttyS0 quiet" }, 5_000);
  };

  it("believes a kernel that misses its root file system", async () => {
    assert.equal(await boots("Kernel panic: VFS: Unable to mount root fs on unknown-block", "reset"), true);
  });

  it("does not believe a guest that hangs, or resets before", async () => {
    assert.equal(await boots("Unable to mount root fs", "ignore the power button"), false);
    assert.equal(await boots("", "reset"), false);
  });
});

describe("two commands on one machine", () => {
  let lab: TestLab;
  before(async function () {
    this.timeout(30_000);
    lab = await makeLab();
  });
  after(() => lab.remove());

  it("work one after the other, and one that was interrupted while it waited does nothing", async () => {
    const order: string[] = [];
    const interrupt = new AbortController();
    let let1End = () => {};
    const first = withMachine(lab.dir, "pi1", context, async () => {
      order.push("first");
      await new Promise<void>((resolve) => {
        let1End = resolve;
      });
      order.push("first ends");
    });
    while (order.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const work = async () => void order.push("second");
    const second = withMachine(lab.dir, "pi1", context, work);
    const third = withMachine(lab.dir, "pi1", { ...context, signal: interrupt.signal }, async () => {
      order.push("third");
    });
    interrupt.abort();
    await assert.rejects(third);
    let1End();
    await Promise.all([first, second]);
    assert.deepEqual(order, ["first", "first ends", "second"]);
  });
});
