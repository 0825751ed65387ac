import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { processesBelow, until } from "../agents.ts";
import { type HeldStack, makeHeldStack, type Verb } from "./held.ts";

/** Each test goes on from where the one before it left the stack. */
describe("up after an up that was killed", function () {
  this.timeout("5m");
  this.bail(true);
  let stack: HeldStack;
  let tmp: string;

  before(async () => {
    tmp = mkdtempSync(path.join(tmpdir(), "piinit-killed-"));
    stack = await makeHeldStack({ TMPDIR: tmp });
  });
  after(async () => {
    await killAll();
    stack.remove();
    rmSync(tmp, { recursive: true });
  });

  /** As the loss of power does: all at once, so that none of them sees another one end. */
  async function killAll(): Promise<void> {
    await until("nothing runs any more", async () => {
      const left = await processesBelow(stack.dir);
      for (const signal of ["SIGSTOP", "SIGKILL"] as const) for (const pid of left) process.kill(pid, signal);
      return left.length === 0;
    });
  }

  const start = (...args: string[]) =>
    // Without a terminal, so that a signal reaches nobody but the process that it is for.
    execa("./piinit", args, {
      cwd: stack.dir,
      env: stack.env,
      reject: false,
      all: true,
      stdin: "ignore",
      detached: true,
    });

  async function up(): Promise<string> {
    const { exitCode, output } = await stack.piinit("up", "held", "--yes");
    assert.equal(exitCode, 0, output);
    assert.doesNotMatch(output, /warning|pending operation/i);
    const { pending_operations: pending = [], resources = [] } = stack.state();
    assert.deepEqual([pending, resources.filter(({ initErrors }) => initErrors?.length)], [[], []]);
    // Beside TypeScript's loader's own.
    assert.deepEqual(
      readdirSync(tmp).filter((name) => !name.startsWith("tsx-")),
      [],
    );
    return output;
  }

  /** Kills `up` while the step is at it. */
  async function killDuring(
    verb: Verb,
    step: string,
    kill: (up: ReturnType<typeof start>) => unknown,
  ): Promise<string> {
    stack.hold(verb, step);
    const running = start("up", "held", "--yes");
    await stack.begun();
    await kill(running);
    const { all } = await running;
    stack.done();
    return all;
  }

  const locks = () => {
    const folder = path.join(stack.dir, ".piinit/.pulumi/locks/organization/piinit/held");
    return existsSync(folder) ? readdirSync(folder) : [];
  };

  it("makes what was half made, and says that a stale lock was in the way", async () => {
    stack.steps({ one: "1" });
    await killDuring("create", "one", killAll);
    assert.notDeepEqual(locks(), []);
    const { output: found } = await stack.piinit("doctor", "held");
    assert.match(
      found,
      /BAD {2}lock: Stack held has a stale lock \(its process \d+ has ended\): \.\/piinit up removes it/,
    );
    const output = await up();
    assert.match(output, /removed a stale lock of stack held: its process \d+ has ended/);
    assert.match(output, /killed while creating one/);
    assert.deepEqual(stack.done(), ["update one"]);
    await up();
    assert.deepEqual(stack.done(), []);
  });

  it("updates what was half updated, also when its old settings are back", async () => {
    stack.steps({ one: "2" });
    await killDuring("update", "one", killAll);
    stack.steps({ one: "1" });
    await up();
    assert.deepEqual(stack.done(), ["update one"]);
  });

  it("deletes what was half deleted, and makes it again when it is wanted after all", async () => {
    stack.steps({});
    await killDuring("delete", "one", killAll);
    await up();
    assert.deepEqual(stack.done(), ["delete one"]);
    stack.steps({ two: "1" });
    await up();
    assert.deepEqual(stack.done(), ["create two"]);
    stack.steps({});
    await killDuring("delete", "two", killAll);
    stack.steps({ two: "1" });
    await up();
    assert.deepEqual(stack.done(), ["update two"]);
  });

  it("deletes what was half made when it isn't wanted any more", async () => {
    stack.steps({ two: "1", three: "1" });
    await killDuring("create", "three", killAll);
    stack.steps({ two: "1" });
    await up();
    assert.deepEqual(stack.done(), ["delete three"]);
  });

  it("ends in order when the command line alone is killed, and goes on", async () => {
    stack.steps({ two: "2" });
    await killDuring("update", "two", (running) => running.kill("SIGKILL"));
    await up();
    assert.deepEqual(stack.done().slice(-1), ["update two"]);
  });

  it("goes on after a build whose command line alone was killed, and nothing of which runs on", async () => {
    stack.steps({ two: "2", "image-server": "1" });
    stack.hold("create", "image-server");
    const running = start("build", "server", "held");
    await stack.begun();
    running.kill("SIGKILL");
    await running;
    await until("nothing runs any more", async () => (await processesBelow(stack.dir)).length === 0);
    assert.deepEqual(stack.done(), ["undo create image-server"]);
    await up();
    assert.deepEqual(locks(), []);
    // Nobody reads Pulumi's output any more, so it may die of that before it has stored that nothing was made.
    assert.match(stack.done().join(), /^(create|update) image-server$/);
    stack.steps({ two: "2" });
    await up();
    stack.done();
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`ends in order on ${signal}, and goes on`, async () => {
      stack.steps({ two: signal });
      stack.hold("update", "two");
      const running = start("up", "held", "--yes");
      await stack.begun();
      running.kill(signal);
      const { exitCode, all } = await running;
      assert.equal(exitCode, 130, all);
      assert.match(all, /^Interrupted\.$/m);
      assert.deepEqual(await processesBelow(stack.dir), []);
      assert.deepEqual([locks(), stack.done()], [[], ["undo update two"]]);
      assert.doesNotMatch(await up(), /killed while|stale lock/);
      assert.deepEqual(stack.done(), ["update two"]);
    });
  }

  const beginWriting = (...parts: string[]) => {
    const file = path.join(stack.dir, ".piinit/.pulumi", `${path.join(...parts)}.18bbd0a83f5e2c41.tmp`);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, '{"version": 3, "check');
    return file;
  };

  it("removes what the stack's Pulumi had begun to write, and nothing of another stack", async () => {
    const own = [
      beginWriting("stacks/piinit/held.json"),
      beginWriting("stacks/piinit/held.json.bak"),
      beginWriting("history/piinit/held/held-1764172529000000000.history.json"),
      beginWriting("locks/organization/piinit/held/0a1b.json"),
    ];
    const others = [
      beginWriting("stacks/piinit/held2.json"),
      beginWriting("history/piinit/held2/held2-1.history.json"),
    ];
    await up();
    assert.deepEqual(
      [own, others].map((files) => files.filter(existsSync)),
      [[], others],
    );
    for (const file of others) rmSync(file);
  });

  it("names who holds the stack, and stays away, also from what it is writing", async () => {
    stack.steps({ two: "held" });
    stack.hold("update", "two");
    const running = start("up", "held", "--yes");
    await stack.begun();
    const writing = beginWriting("stacks/piinit/held.json");
    const { exitCode, output } = await stack.piinit("up", "held", "--yes");
    assert.ok(existsSync(writing));
    running.kill("SIGINT");
    await running;
    assert.equal(exitCode, 1);
    assert.match(output, /^Stack held is being changed by process \d+ of \S+, since .*\(kill \d+\)/m);
    assert.doesNotMatch(output, /^ +at /m);
  });

  it("leaves the lock of another machine, and takes one that a power cut left empty", async () => {
    const folder = path.join(stack.dir, ".piinit/.pulumi/locks/organization/piinit/held");
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "empty.json"), "");
    const timestamp = new Date().toISOString();
    writeFileSync(
      path.join(folder, "other.json"),
      JSON.stringify({ pid: 1, username: "you", hostname: `not-${hostname()}`, timestamp }),
    );
    const { exitCode, output } = await stack.piinit("up", "held", "--yes");
    assert.equal(exitCode, 1);
    assert.match(output, new RegExp(`changed by process 1 of you on not-${hostname()}.* rm \\S*other.json`));
    await execa("rm", [path.join(folder, "other.json")]);
    assert.match(await up(), /removed a stale lock of stack held: its file is damaged/);
  });

  it("tells which copy of a damaged state is whole", async () => {
    const file = path.join(stack.dir, ".piinit/.pulumi/stacks/piinit/held.json");
    truncateSync(file, 20);
    const { exitCode, output } = await stack.piinit("up", "held", "--yes");
    assert.equal(exitCode, 1);
    assert.match(output, /^The state of stack held is damaged/m);
    const [, command = "false"] = /run this command again: (cp .*)$/m.exec(output) ?? [];
    await execa("sh", ["-c", command]);
    await up();
  });
});
