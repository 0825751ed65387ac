import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import { UserError } from "../../../lib/errors.ts";
import { run } from "../../../lib/run.ts";
import type { Login } from "../../../lib/ssh.ts";
import { withShell } from "../../../steps/router/base/remote-shell.ts";
import { startSshd, whyNoSshd } from "../sshd.ts";

describe("a shell over SSH", function () {
  this.timeout(30_000);
  let dir = "";
  let ssh: Awaited<ReturnType<typeof startSshd>>;
  let login: Login;

  before(async function () {
    const why = await whyNoSshd();
    if (why) {
      console.log(`      left out: ${why}`);
      this.skip();
    }
    dir = await mkdtemp(path.join(tmpdir(), "piinit-sshd-"));
    ssh = await startSshd(dir);
    login = { host: "127.0.0.1", user: userInfo().username, ...ssh.login };
  });
  after(async () => {
    if (ssh?.sshd.kill()) await once(ssh.sshd, "exit");
    await rm(dir, { recursive: true, force: true });
  });

  const refused = (changed: Partial<Login>, pattern: RegExp) =>
    assert.rejects(
      withShell({ ...login, ...changed }, undefined, (shell) => shell.run("echo hello")),
      (error: Error) => error instanceof UserError && pattern.test(error.message),
    );

  it("runs scripts one after the other on one connection", async () => {
    const answers = await withShell(login, undefined, async (shell) => [
      await shell.run("cat; echo $PPID"),
      await shell.run("echo $PPID"),
    ]);
    assert.equal(answers[0]?.[0], answers[1]?.[0]);
    assert.match(String(answers[0]?.[0]), /^\d+$/);
  });

  it("fails with what the script wrote to standard error", async () => {
    const failing = withShell(login, undefined, (shell) => shell.run("echo out; echo 'no such thing' >&2; exit 3"));
    await assert.rejects(failing, new UserError("127.0.0.1 says: no such thing"));
  });

  it("runs another script after one that failed", async () => {
    const answer = await withShell(login, undefined, async (shell) => {
      await assert.rejects(shell.run("set -e; false; echo on"), UserError);
      return await shell.run("echo still here");
    });
    assert.deepEqual(answer, ["still here", ""]);
  });

  it("fails when an answer has no end, in a line or in many", async () => {
    for (const flood of ["head -c 100000000 /dev/zero | tr '\\0' x", "yes"]) {
      const failing = withShell(login, undefined, (shell) => shell.run(flood));
      await assert.rejects(failing, /127\.0\.0\.1 answers with more than 8 MiB/);
    }
  });

  it("checks the host key, and sends nothing to a stranger", async () => {
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path.join(dir, "other")]);
    const hostKey = (await run("ssh-keygen", ["-y", "-f", path.join(dir, "other")])).split(" ").slice(0, 2).join(" ");
    await refused({ hostKey }, /has another host key than the stack's hostKey setting says: nothing was sent/);
  });

  it("does not take an unknown router on trust", async () => {
    await refused({ hostKey: undefined }, /is not in your known_hosts file.*Log in once by hand/s);
  });

  it("says when the key is not accepted", async () => {
    await refused({ keyFile: path.join(dir, "host_key") }, /does not let \S+ in with .*authorized_keys/s);
  });

  it("says when nothing answers", async () => {
    await refused({ port: 1 }, /can't reach the router 127\.0\.0\.1, port 1: .*refused/);
  });

  it("ends when it is interrupted, and leaves no file behind", async () => {
    const before = await temporaryFolders();
    const work = withShell(login, AbortSignal.timeout(500), (shell) => shell.run("sleep 20"));
    await assert.rejects(work, /interrupted while talking to 127\.0\.0\.1/);
    assert.deepEqual(await temporaryFolders(), before);
  });

  async function temporaryFolders(): Promise<string[]> {
    return (await readdir(tmpdir())).filter(
      (name) => name.startsWith("piinit-tmp-") && name.includes(`-${process.pid}-`),
    );
  }
});
