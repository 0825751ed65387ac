import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { backendFolder } from "../../../cli/stack/backend.ts";
import { judge, type LockHost } from "../../../cli/stack/locks.ts";
import { resolvePending } from "../../../cli/stack/state.ts";
import { projectDir } from "../../../lib/paths.ts";
import { findProcess } from "../../../lib/process.ts";

const began = new Date("2026-11-25T10:00:00Z");
const owner = { pid: 7, username: "you", hostname: "here", timestamp: "2026-11-25T10:00:05.123456789+01:00" };

describe("a lock of Pulumi", () => {
  const hostWith = (name?: string, started = new Date("2026-11-25T08:59:00Z")): LockHost => ({
    hostname: "here",
    findProcess: async () => (name === undefined ? undefined : { name, started }),
  });
  const stateOf = async (content: unknown, host: LockHost) =>
    (await judge(typeof content === "string" ? content : JSON.stringify(content), host)).state;

  it("is held while its Pulumi runs", async () => {
    assert.equal(await stateOf(owner, hostWith("pulumi")), "held");
    assert.equal(await stateOf(owner, hostWith(".pulumi-wrapped")), "held");
  });

  it("is stale when its process has ended, also when another has its number by now", async () => {
    assert.equal(await stateOf(owner, hostWith()), "stale");
    assert.equal(await stateOf(owner, hostWith("sleep")), "stale");
    assert.equal(await stateOf(owner, hostWith("pulumi", began)), "stale");
  });

  it("is stale when a power cut left it empty or cut off", async () => {
    for (const text of ["", '{"pid":7,"usern']) assert.equal(await stateOf(text, hostWith("pulumi")), "stale");
  });

  it("is not judged from another machine, or when it is of a kind that isn't known", async () => {
    assert.equal(await stateOf({ ...owner, hostname: "there" }, hostWith()), "foreign");
    assert.equal(await stateOf({ holder: "somebody" }, hostWith()), "foreign");
  });

  it("is looked for where a file backend is, and nowhere else", () => {
    assert.equal(backendFolder("file:///var/my%20state?no_tmp_dir=true"), "/var/my state");
    assert.equal(backendFolder("file://./state"), `${projectDir}/state`);
    assert.equal(backendFolder("s3://bucket"), undefined);
  });
});

describe("a running process", () => {
  it("has a name and the time when it began", async () => {
    const before = Date.now();
    const child = spawn("sleep", ["60"]);
    try {
      await once(child, "spawn");
      const found = (await findProcess(child.pid ?? assert.fail())) ?? assert.fail();
      assert.equal(found.name, "sleep");
      // The kernel counts in hundredths of a second.
      const sinceThen = found.started.getTime() - before;
      assert.ok(sinceThen > -1000 && sinceThen < Date.now() - before + 1000, `${sinceThen} ms`);
    } finally {
      child.kill();
    }
    assert.equal(await findProcess(2 ** 22 + 1), undefined);
  });
});

describe("the state after an update that was killed", () => {
  const command = (name: string) => ({ urn: `urn::${name}`, type: "command:local:Command", inputs: { create: name } });
  const key = (name: string) => ({ urn: `urn::${name}`, type: "consul:index/keys:Keys", inputs: {} });

  it("keeps everything that may be there, to be updated by the next one", () => {
    const resolved = resolvePending({
      deployment: {
        resources: [{ ...command("old"), id: "1" }, { ...key("kv"), id: "2" }, command("other")],
        pending_operations: [
          { type: "updating", resource: command("old") },
          { type: "deleting", resource: key("kv") },
          { type: "creating", resource: command("new") },
          { type: "creating", resource: key("new-kv") },
        ],
      },
    });
    const { resources = [], pending_operations } = resolved.deployment;
    assert.deepEqual(pending_operations, []);
    assert.deepEqual(
      resources.map(({ urn, id, initErrors }) => [urn, id, initErrors?.[0]]),
      [
        ["urn::old", "1", "interrupted while updating"],
        ["urn::kv", "2", "interrupted while deleting"],
        ["urn::other", undefined, undefined],
        ["urn::new", "interrupted", "interrupted while creating"],
      ],
    );
    assert.deepEqual(resources.at(-1)?.outputs, { create: "new", stdout: "", stderr: "" });
  });
});
