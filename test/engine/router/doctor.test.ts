import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { checkRouter } from "../../../cli/doctor/router.ts";
import { silent } from "../../../lib/progress.ts";
import { dnsmasq } from "../../../steps/router/drivers/dnsmasq/dnsmasq.ts";
import { type Home, startHomeOrSkip } from "./home.ts";

const pi1 = { name: "pi1", mac: "b8:27:eb:00:00:01", ip: "192.168.2.51" };
const pi2 = { name: "pi2", mac: "b8:27:eb:00:00:02", ip: "192.168.2.52" };

describe("doctor, with a real router", function () {
  this.timeout(60_000);
  let home: Home;
  before(async function () {
    home = await startHomeOrSkip(this);
  });
  after(() => home?.close());

  const check = (cidr = "192.168.2.0/24") =>
    checkRouter({ lab: undefined, network: { cidr, router: home.settings }, machines: [pi1, pi2] }, "home");

  it("tells what up will do, and does nothing of it", async () => {
    await home.askForLease("aa:bb:cc:00:00:01");
    assert.match(
      await check(),
      /answers, 1 lease; 0 of 2 reservations are there; `up` makes pi1: \S+ → 192\.168\.2\.51, pi2: .*; it serves 192\.168\.2\.0\/24; any machine gets one of 192\.168\.2\.200 to 192\.168\.2\.250$/,
    );
    assert.deepEqual(await readdir(home.settings.hostsDir), []);
    await assert.rejects(check("10.0.0.0/24"), {
      message:
        /answers, but:\n {2}it serves 192\.168\.2\.0\/24, and the stack's network is 10\.0\.0\.0\/24: set `cidr`/,
    });
  });

  it("sees what up has done", async () => {
    const context = { progress: silent, signal: new AbortController().signal };
    await dnsmasq.apply(home.settings, { owner: "home", reservations: [pi1], previous: undefined }, context);
    assert.match(await check(), /; 1 of 2 reservations are there; `up` makes pi2: /);
  });
});
