import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { projectDir } from "../../../lib/paths.ts";
import { type Home, startHome, whyNoHome } from "./home.ts";

const reservation = { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" };

function router(verb: string, input: unknown) {
  const program = path.join(projectDir, "commands", "router", "main.ts");
  return execa("node", ["--import", "tsx", program, verb], {
    cwd: projectDir,
    input: JSON.stringify(input),
    reject: false,
  });
}

describe("the router program", function () {
  this.timeout(60_000);
  let home: Home;

  before(async function () {
    const why = await whyNoHome();
    if (why) {
      console.log(`      left out: ${why}`);
      this.skip();
    }
    home = await startHome();
  });
  after(() => home?.close());

  it("reserves, tells the leases and releases, with JSON on standard output", async () => {
    const settings = home.settings;
    const reserved = await router("reserve", { router: settings, reservation });
    assert.equal(reserved.stdout, "{}");
    assert.match(reserved.stderr, /reserved pi1: b8:27:eb:00:00:01 → 192\.168\.2\.51$/m);
    await home.askForLease(reservation.mac);
    const [lease] = JSON.parse((await router("leases", { router: settings })).stdout);
    assert.ok(Number.isInteger(lease.expires));
    assert.deepEqual({ ...lease, expires: 0 }, { ...reservation, expires: 0 });
    const moved = await router("reserve", { router: settings, reservation: { ...reservation, ip: "192.168.2.61" } });
    assert.match(JSON.parse(moved.stdout).note, /^pi1 still has 192\.168\.2\.51/);
    assert.equal((await router("release", { router: settings, reservation })).stdout, "{}");
    assert.deepEqual(await readdir(settings.hostsDir), []);
  });

  it("refuses hostile values all at once, without a stack trace, before it connects", async () => {
    const result = await router("reserve", {
      router: { ...home.settings, host: "-oProxyCommand=touch$IFS/tmp/x", hostsDir: "/tmp/$(reboot)", port: 1 },
      reservation: { name: "pi1;reboot", mac: "b8:27:eb:00:00:01\n", ip: "192.168.2.51,ignore" },
    });
    assert.equal(result.exitCode, 1);
    assert.equal(result.stdout, "");
    for (const fault of ["router.host", "router.hostsDir", "reservation.name", "reservation.mac", "reservation.ip"])
      assert.match(result.stderr, new RegExp(`^  ${fault.replace(".", "\\.")}: is not`, "m"));
    assert.doesNotMatch(result.stderr, /at .*\.ts/);
  });

  it("tells the owner of any other router what to type in", async () => {
    const result = await router("reserve", { router: { kind: "manual" }, reservation });
    assert.match(JSON.parse(result.stdout).note, /b8:27:eb:00:00:01 {2}192\.168\.2\.51 {5}pi1/);
    assert.match(result.stderr, /type this reservation into your router/);
    const released = await router("release", { router: { kind: "manual" }, reservation });
    assert.match(JSON.parse(released.stdout).note, /may be removed from your router: pi1: b8:27:eb:00:00:01/);
    assert.equal((await router("leases", { router: { kind: "manual" } })).stdout, "[]");
  });
});
