import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { hostArchitecture } from "../../../lib/architecture.ts";
import { UserError } from "../../../lib/errors.ts";
import { findOnPath } from "../../../lib/host.ts";
import { silent } from "../../../lib/progress.ts";
import { run } from "../../../lib/run.ts";
import type { Login } from "../../../lib/ssh.ts";
import { buildImage } from "../../../steps/image/layers/build-image.ts";
import type { BuiltImage } from "../../../steps/image/manifest/contract.ts";
import type { Manifest } from "../../../steps/image/manifest/manifest.ts";
import { buildImageOn, checkBuilder } from "../../../steps/image/remote/remote-build.ts";
import { getTool } from "../../../toolchain/tools.ts";
import { setEnvironment } from "../../environment.ts";
import { testManifest } from "../../unit/image/manifest.ts";
import { end, startSshd, whyNoSshd } from "../sshd.ts";
import { runVerb, startVerb, told } from "./verbs.ts";

const architecture: Manifest["architecture"] = hostArchitecture() ?? "amd64";
const secret = "the gossip key of this test";
const manifest = testManifest({
  architecture,
  packages: [`linux-image-cloud-${architecture}`],
  files: [{ path: "/etc/gossip.json", mode: "0600", owner: "root", text: secret }],
  boot: { modules: ["virtio_blk", "ext4"], commandLine: "quiet", files: [] },
});

describe("an image that is built on another machine", function () {
  this.timeout(30 * 60_000);
  let folder: string;
  let sshd: ChildProcess;
  let builder: Login;
  const others: ChildProcess[] = [];
  let restore: (() => void) | undefined;
  const here = (...parts: string[]) => path.join(folder, "here", ...parts);
  const there = (...parts: string[]) => path.join(folder, "there", ...parts);
  const context = { progress: silent, signal: new AbortController().signal };
  const build = (outputDir: string, login = builder) => buildImageOn(login, { manifest, outputDir }, context);

  before(async function () {
    const why = await whyNoSshd();
    if (why) {
      console.log(`      left out: ${why}`);
      this.skip();
    }
    folder = await mkdtemp(path.join(tmpdir(), "piinit-remote-"));
    // A plain user's namespace has another user as its root.
    await chmod(folder, 0o711);
    for (const name of ["ssh", "here", "there", "lacking"]) await mkdir(path.join(folder, name), { mode: 0o711 });
    await mkdir(there("tmp"));
    await chmod(there("tmp"), 0o1777);
    restore = setEnvironment({ XDG_CACHE_HOME: here("cache") });
    const started = await startMachine("ssh", process.env.PATH ?? "");
    ({ sshd, builder } = started);
  });
  after(async () => {
    restore?.();
    for (const child of [sshd, ...others]) if (child) await end(child);
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  async function startMachine(name: string, PATH: string): Promise<{ sshd: ChildProcess; builder: Login }> {
    const environment = { PATH, XDG_CACHE_HOME: there("cache"), TMPDIR: there("tmp") };
    const settings = Object.entries(environment).map(([key, value]) => `"${key}=${value}"`);
    const { sshd, login } = await startSshd(path.join(folder, name), [`SetEnv ${settings.join(" ")}`]);
    return { sshd, builder: { host: "127.0.0.1", user: userInfo().username, ...login } };
  }

  const refused = (work: Promise<unknown>, pattern: RegExp) =>
    assert.rejects(work, (error: Error) => {
      assert.ok(error instanceof UserError, error.stack);
      assert.match(error.message, pattern);
      return true;
    });

  it("needs a machine that can be reached, and that is the right one", async () => {
    await refused(build(here("refused"), { ...builder, port: 1 }), /can't reach the builder 127\.0\.0\.1, port 1/);
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", here("other")]);
    const hostKey = (await readFile(here("other.pub"), "utf8")).split(" ").slice(0, 2).join(" ");
    await refused(build(here("refused"), { ...builder, hostKey }), /the builder .* has another host key than/);
    assert.deepEqual(await readdir(here("refused")), []);
    assert.deepEqual(await readdir(there()), ["tmp"]);
  });

  it("can be asked of a machine beforehand", async () => {
    assert.equal(
      await checkBuilder(builder, context),
      `${userInfo().username}@127.0.0.1 answers, Node.js ${process.version}`,
    );
    await refused(checkBuilder({ ...builder, port: 1 }, context), /can't reach the builder/);
  });

  it("needs the programs there, which are named with their packages", async () => {
    const bin = path.join(folder, "lacking", "bin");
    await mkdir(bin);
    for (const name of ["sh", "node", "tar", "gzip", "mkdir", "dirname", "find", "mktemp", "mv", "rm", "touch"])
      await symlink((await findOnPath(name, process.env)) ?? "", path.join(bin, name));
    const machine = await startMachine("lacking", bin);
    others.push(machine.sshd);
    await refused(
      build(here("refused"), machine.builder),
      /^The builder \S+@127\.0\.0\.1 says:\n.*Building images needs what is not installed here: .*mmdebstrap.*apt-get install .*mmdebstrap/s,
    );
    assert.deepEqual(await readdir(here("refused")), []);
  });

  it("ends there when the connection breaks, and leaves nothing on either side", async () => {
    const local = startBuild(here("broken"));
    await told(local, /base: installing/);
    process.kill(await sshOf(local), "SIGKILL");
    assert.match(await text(local.stderr), /The connection to the builder .* broke/);
    await assertNothingLeft(here("broken"));
  });

  it("ends there when it is interrupted here", async () => {
    const local = startBuild(here("interrupted"));
    await told(local, /packages: unpacking/);
    local.kill("SIGINT");
    assert.match(await text(local.stderr), /^Interrupted\.$/m);
    await assertNothingLeft(here("interrupted"));
  });

  describe("for two stacks at once", () => {
    let images: BuiltImage[];
    before(async () => {
      images = await Promise.all([build(here("one")), build(here("two"))]);
    });

    it("goes on from what an interrupted build had finished, and shares the rest", () => {
      assert.ok(images.every(({ reused }) => reused.includes("base")));
      assert.equal(images.filter(({ reused }) => reused.includes("packages")).length, 1);
    });

    it("comes whole, for its owner alone, with the lists beside it", async () => {
      for (const { path: file, sha256, bytes } of images) {
        const { mode, size, blocks } = await stat(file);
        assert.deepEqual([mode & 0o777, size], [0o600, bytes]);
        assert.ok(blocks * 512 < bytes * 0.8, "it has holes");
        assert.equal((await run("sha256sum", [file])).split(" ")[0], sha256);
        const name = path.basename(file, ".img");
        const names = [".bmap", ".contents.json", ".img", ".spdx.json"].map((ending) => name + ending);
        assert.deepEqual((await readdir(path.dirname(file))).toSorted(), names);
      }
    });

    it("leaves no secret behind", async () => {
      assert.deepEqual(await readdir(there("cache", "piinit", "outgoing")), []);
      await assert.rejects(run("grep", ["-rqF", secret, there()]), /exit code 1\n?$/);
    });

    it("is here already the second time: the builder isn't asked", async () => {
      const again = await build(here("one"), { ...builder, port: 1 });
      assert.deepEqual([again.path, again.sha256], [images[0]?.path, images[0]?.sha256]);
      assert.deepEqual(again.reused, ["base", "packages", "programs", "image"]);
    });

    it("has the very bytes of one that is built here", async () => {
      const local = await buildImage({ manifest, outputDir: here("local") }, getTool, context);
      assert.deepEqual(local.reused, []);
      assert.deepEqual([local.sha256, local.bytes], [images[0]?.sha256, images[0]?.bytes]);
      assert.deepEqual(
        images.map((image) => path.basename(image.path)),
        [path.basename(local.path), path.basename(local.path)],
      );
      assert.equal(images[1]?.sha256, images[0]?.sha256);
    });

    it("is deleted without the builder", async () => {
      const input = { manifest, outputDir: here("two"), builder: { ...builder, port: 1 } };
      assert.equal(await runVerb("delete", input), 0);
      await assert.rejects(stat(here("two")), { code: "ENOENT" });
    });
  });

  const startBuild = (outputDir: string) => startVerb("build", { manifest, outputDir, builder });

  /** The number of the ssh that a program has started. */
  async function sshOf({ pid }: ChildProcess): Promise<number> {
    for (const number of await processNumbers()) {
      const stat = await readFile(`/proc/${number}/stat`, "utf8").catch(() => "");
      if (new RegExp(`\\(ssh\\) \\S ${pid} `).test(stat)) return Number(number);
    }
    return assert.fail(`${pid} has started no ssh`);
  }

  const processNumbers = async () => (await readdir("/proc")).filter((name) => /^\d+$/.test(name));

  async function assertNothingLeft(outputDir: string): Promise<void> {
    assert.deepEqual(await readdir(outputDir), []);
    for (let tries = 0; (await processesThere()).length > 0; tries++) {
      assert.ok(tries < 600, `these went on: ${(await processesThere()).join("\n")}`);
      await delay(100);
    }
    assert.deepEqual(await readdir(there("cache", "piinit", "outgoing")), []);
    assert.deepEqual(await readdir(there("tmp")), []);
    const unfinished = (await readdir(there("cache", "piinit", "layers"))).filter((name) => name.endsWith(".tmp"));
    assert.deepEqual(unfinished, []);
  }

  /** Processes that have to do with the builder's folders, by their arguments, environment or working folder. */
  async function processesThere(): Promise<string[]> {
    const found = await Promise.all(
      (await processNumbers()).map(async (pid) => {
        const read = (name: string) => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
        const folderOf = await readlink(`/proc/${pid}/cwd`).catch(() => "");
        const traces = [await read("cmdline"), await read("environ"), folderOf].join("\0");
        return traces.includes(there()) ? [`${pid} ${traces.slice(0, 200)}`] : [];
      }),
    );
    return found.flat();
  }
});
