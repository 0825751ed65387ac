import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { hostPath } from "../../../lib/host.ts";
import { processesLeft } from "../../faults/left.ts";
import { processesBelow } from "../agents.ts";
import { ctrlC, ctrlD, inTerminal, type Terminal } from "../pty.ts";
import { type HeldStack, makeHeldStack } from "./held.ts";

describe("^C and ^D in a terminal", function () {
  this.timeout("3m");
  let stack: HeldStack;
  let terminal: Terminal | undefined;

  before(async () => {
    stack = await makeHeldStack();
  });
  afterEach(async () => {
    for (const pid of await processesBelow(stack.dir)) process.kill(pid, "SIGKILL");
    await terminal?.ended;
    terminal = undefined;
  });
  after(() => stack.remove());

  function piinit(...args: string[]): Terminal {
    terminal = inTerminal("./piinit", args, { cwd: stack.dir, env: stack.env });
    return terminal;
  }

  /** One plain sentence, exit code 130, nothing left that runs. */
  async function endsWith(sentence: RegExp, { ended }: Terminal): Promise<void> {
    const { exitCode, shown } = await ended;
    assert.equal(exitCode, 130, shown);
    assert.match(shown, sentence);
    assert.doesNotMatch(shown, /^ +at |AbortError|Error:/m);
    assert.deepEqual(await processesLeft([stack.dir], 0), []);
  }

  async function holdUntilBegun(hold: () => void, ...args: string[]): Promise<Terminal> {
    hold();
    const running = piinit(...args);
    await stack.begun();
    return running;
  }

  const interruptedLine = /^Interrupted\.\r?$/m;

  it("end up in order, and the next up goes on without a word", async () => {
    stack.steps({ one: "1" });
    const running = await holdUntilBegun(() => stack.hold("create", "one"), "up", "held", "--yes");
    running.type(ctrlC);
    await endsWith(interruptedLine, running);
    assert.deepEqual(stack.done(), ["undo create one"]);
    const { exitCode, output } = await stack.piinit("up", "held", "--yes");
    assert.equal(exitCode, 0, output);
    assert.doesNotMatch(output, /warning|killed while|stale lock/);
    assert.deepEqual(stack.done(), ["create one"]);
  });

  it("end up at once the second time, and the next up goes on", async () => {
    stack.steps({ one: "2" });
    const running = await holdUntilBegun(() => stack.hold("update", "one"), "up", "held", "--yes");
    running.type(ctrlC);
    running.type(ctrlC);
    await endsWith(interruptedLine, running);
    stack.done();
    const { exitCode, output } = await stack.piinit("up", "held", "--yes");
    assert.equal(exitCode, 0, output);
    assert.doesNotMatch(output, /warning/);
    assert.deepEqual(stack.done(), ["update one"]);
  });

  it("end preview", async () => {
    const running = await holdUntilBegun(() => stack.holdProgram(), "preview", "held");
    running.type(ctrlC);
    await endsWith(interruptedLine, running);
  });

  it("end build, and undo what is half built", async () => {
    stack.steps({ one: "2", "image-server": "1" });
    const running = await holdUntilBegun(() => stack.hold("create", "image-server"), "build", "server", "held");
    running.type(ctrlC);
    await endsWith(interruptedLine, running);
    assert.deepEqual(stack.done(), ["undo create image-server"]);
  });

  it("end build at once the second time, with all that it runs", async () => {
    stack.steps({ one: "2", "image-server": "2" });
    const running = await holdUntilBegun(() => stack.hold("create", "image-server"), "build", "server", "held");
    running.type(ctrlC);
    running.type(ctrlC);
    await endsWith(interruptedLine, running);
    stack.done();
  });

  it("leave of a build what it has not touched, and so a build does when the settings lack a step", async () => {
    stack.steps({ "image-server": "3" });
    const { output } = await stack.piinit("build", "server", "held");
    assert.doesNotMatch(output, /will be destroyed but was not specified/);
    assert.deepEqual(stack.done(), ["create image-server"]);
    const steps = (stack.state().resources ?? []).map(({ urn }) => urn.slice(urn.lastIndexOf("::") + 2));
    assert.ok(steps.includes("one"), steps.join(", "));
  });

  it("end destroy, which the next one goes on with", async () => {
    const running = await holdUntilBegun(() => stack.hold("delete", "one"), "destroy", "held", "--yes");
    running.type(ctrlC);
    await endsWith(interruptedLine, running);
    stack.done();
    const { exitCode, output } = await stack.piinit("destroy", "held", "--yes");
    assert.equal(exitCode, 0, output);
    assert.deepEqual(stack.done(), ["delete one"]);
  });

  for (const [name, key] of Object.entries({ "^C": ctrlC, "^D": ctrlD })) {
    it(`${name} at the question of secret sets nothing`, async () => {
      const file = path.join(stack.dir, "stacks/Pulumi.held.yaml");
      const before = readFileSync(file, "utf8");
      const running = piinit("secret", "kv.word", "held");
      await running.shows(/Value of kv\.word/);
      running.type(key);
      await endsWith(/Interrupted\. Nothing was set\./, running);
      assert.equal(readFileSync(file, "utf8"), before);
    });

    it(`${name} at the questions of import writes nothing`, async () => {
      writeFileSync(path.join(stack.dir, "pi.json"), JSON.stringify({ consul: "server", nomad: "server" }));
      const running = piinit("import", "pi.json", "--stack", "no");
      await running.shows(/MAC address/);
      running.type(key);
      await endsWith(/Interrupted\. Nothing was written\./, running);
      assert.ok(!existsSync(path.join(stack.dir, "stacks/Pulumi.no.yaml")));
    });

    it(`${name} at the question of burn writes nothing`, async () => {
      for (const file of ["some.img", "card"]) writeFileSync(path.join(stack.dir, file), Buffer.alloc(1 << 20, 1));
      const running = piinit("burn", "./some.img", "--drive", "card");
      await running.shows(/Type its name/);
      running.type(key);
      await endsWith(/Interrupted\. Nothing was written\./, running);
      assert.deepEqual(readFileSync(path.join(stack.dir, "card")), Buffer.alloc(1 << 20, 1));
    });

    it(`${name} at the question before apt installs nothing`, async function () {
      if ((await execa("unshare", ["--user", "true"], { reject: false })).exitCode !== 0) return this.skip();
      // A system without ssh, where somebody else than root is asked.
      const bin = path.join(stack.dir, `bin${key.charCodeAt(0)}`);
      mkdirSync(bin);
      writeFileSync(path.join(bin, "sudo"), `#!/bin/sh\necho asked > ${stack.dir}/installed\n`, { mode: 0o755 });
      for (const name of ["sh", "dirname", "readlink", "cmp", "apt-get"]) {
        const folder = hostPath()
          .split(":")
          .find((one) => existsSync(path.join(one, name)));
        symlinkSync(path.join(folder ?? assert.fail(name), name), path.join(bin, name));
      }
      symlinkSync(process.execPath, path.join(bin, "node"));
      terminal = inTerminal("unshare", ["--user", "env", `PATH=${bin}`, "./piinit", "up", "held"], {
        cwd: stack.dir,
        env: stack.env,
      });
      await terminal.shows(/Install with sudo\? \[y\/N\]/);
      terminal.type(key);
      await endsWith(interruptedLine, terminal);
      assert.ok(!existsSync(path.join(stack.dir, "installed")));
    });
  }

  it("secret doesn't show what is typed", async () => {
    const running = piinit("secret", "kv.word", "held");
    await running.shows(/Value of kv\.word/);
    running.type("correct horse\r");
    const { exitCode, shown } = await running.ended;
    assert.equal(exitCode, 0, shown);
    assert.doesNotMatch(shown, /correct/);
    const { stdout } = await stack.pulumi("pulumi config get --stack held --path piinit:kv.word");
    assert.equal(stdout.trim(), "correct horse");
  });

  for (const verb of ["start", "stop", "cut", "join"]) {
    it(`^C ends lab ${verb}, which changes nothing then`, async () => {
      const dir = path.join(stack.dir, ".piinit/lab/lab");
      mkdirSync(dir, { recursive: true });
      const record = JSON.stringify({ spec: { dir, name: "pi1" }, ports: {}, isConnected: false, isCut: false });
      writeFileSync(path.join(dir, "pi1.json"), record);
      const other = spawn("flock", ["pi1.lock", "sh", "-c", "echo locked; exec cat"], { cwd: dir });
      await once(other.stdout, "data");
      const running = piinit("lab", verb, "pi1");
      await running.shows(/pi1: waiting for another command on it/);
      const files = readdirSync(dir);
      running.type(ctrlC);
      const { exitCode, shown } = await running.ended;
      other.stdin.end();
      await once(other, "exit");
      assert.equal(exitCode, 130, shown);
      assert.match(shown, interruptedLine);
      assert.doesNotMatch(shown, /^ +at /m);
      assert.deepEqual([readdirSync(dir), readFileSync(path.join(dir, "pi1.json"), "utf8")], [files, record]);
    });
  }
});
