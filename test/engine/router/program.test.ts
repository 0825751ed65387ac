import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { projectDir } from "../../../lib/paths.ts";
import { type Home, startHomeOrSkip } from "./home.ts";

const reservation = { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" };
const owner = "home";

function router(verb: string, input: unknown, lastAnswer = "") {
  const program = path.join(projectDir, "steps", "router", "main.ts");
  return execa("node", ["--import", "tsx", program, verb], {
    cwd: projectDir,
    input: JSON.stringify(input),
    env: { PULUMI_COMMAND_STDOUT: lastAnswer },
    reject: false,
  });
}

describe("the router program", function () {
  this.timeout(60_000);
  let home: Home;

  before(async function () {
    home = await startHomeOrSkip(this);
  });
  after(() => home?.close());

  it("answers with the table, goes on from its last answer, and clears, with JSON on standard output", async () => {
    const table = { router: home.settings, owner, reservations: [reservation] };
    const first = await router("apply", table);
    assert.deepEqual(JSON.parse(first.stdout).reservations, [reservation]);
    assert.match(first.stderr, /\+ pi1: b8:27:eb:00:00:01 → 192\.168\.2\.51$/m);
    const other = { ...reservation, name: "pi2", mac: "b8:27:eb:00:00:02" };
    const changed = { ...table, reservations: [other] };
    assert.match((await router("apply", changed)).stderr, /machines that stack home does not have/);
    assert.match((await router("apply", changed, first.stdout)).stderr, /- pi1: /);
    const cleared = await router("clear", changed);
    assert.deepEqual([cleared.exitCode, cleared.stdout], [0, ""]);
    assert.deepEqual(await readdir(home.settings.hostsDir), []);
  });

  it("refuses hostile values all at once, without a stack trace, before it connects", async () => {
    const result = await router("apply", {
      owner: "../x",
      router: { ...home.settings, host: "-oProxyCommand=touch$IFS/tmp/x", hostsDir: "/tmp/$(reboot)", port: 1 },
      reservations: [{ name: "pi1;reboot", mac: "b8:27:eb:00:00:01\n", ip: "192.168.2.51,ignore" }],
    });
    assert.equal(result.exitCode, 1);
    assert.equal(result.stdout, "");
    for (const fault of [
      "router.host",
      "router.hostsDir",
      "owner",
      "reservations.0.name",
      "reservations.0.mac",
      "reservations.0.ip",
    ])
      assert.match(result.stderr, new RegExp(`^  ${fault.replaceAll(".", "\\.")}: `, "m"));
    assert.doesNotMatch(result.stderr, /at .*\.ts/);
  });

  it("tells the owner of any other router what to type in, and only what differs from the last time", async () => {
    const table = { router: { kind: "manual" }, owner, reservations: [reservation] };
    const first = await router("apply", table);
    assert.match(first.stderr, /Type these reservations into your router:/);
    assert.match(first.stderr, /b8:27:eb:00:00:01 {2}192\.168\.2\.51 {5}pi1/);
    assert.match((await router("apply", table, first.stdout)).stderr, /= 1 unchanged/);
    assert.match((await router("clear", table)).stderr, /may be removed from your router/);
    const released = await router("release", { router: { kind: "manual" }, reservation });
    assert.match(released.stderr, /Remove this reservation .*unless it is one to type in: pi1: b8:27:eb:00:00:01/);
  });
});
