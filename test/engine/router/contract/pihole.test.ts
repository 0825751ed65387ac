import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { machine } from "../bench.ts";
import { conformance } from "../conformance.ts";
import { startHomeOrSkip } from "../home.ts";
import { benchOf, settingsOf } from "./pihole-bench.ts";
import { type PiHoleContract, startPiHole } from "./pihole-server.ts";
import { refused, stackHome } from "./stack-home.ts";

conformance("Pi-hole's documented interface", async () => benchOf(await startPiHole()));

describe("Pi-hole's documented interface, in its own ways", function () {
  this.timeout(30_000);
  let server: PiHoleContract;

  before(async () => {
    server = await startPiHole();
  });
  after(() => server?.close());

  const { router, apply } = stackHome((change) => settingsOf(server, change));

  it("tags what is the stack's", async () => {
    await apply([machine(1)]);
    assert.deepEqual(server.hosts, ["b8:27:eb:00:00:01,set:piinit.home,192.168.2.51,pi1"]);
  });

  it("gives a machine its name and address by such an entry: that is what the dnsmasq inside it makes of one", async function () {
    const home = await startHomeOrSkip(this);
    try {
      await writeFile(
        path.join(home.dir, "conf.d", "pihole.conf"),
        server.hosts.map((host) => `dhcp-host=${host}\n`).join(""),
      );
      await home.restartDnsmasq();
      assert.deepEqual(await home.askForLease(machine(1).mac), { ip: machine(1).ip, hostname: "pi1" });
    } finally {
      await home.close();
    }
  });

  it("is not started again without a change", async () => {
    const before = server.restarts;
    await apply([machine(1)]);
    assert.equal(server.restarts, before);
  });

  it("says what to turn on when it can't be changed, and changes nothing", async () => {
    server.hosts = [];
    Object.assign(server, { active: false });
    await refused(apply([machine(1)]), /gives out no addresses: DHCP is off. Turn it on/);
    Object.assign(server, { active: true, isApp: true, appSudo: true });
    server.beforeAnswer(4, () => {
      server.appSudo = false;
    });
    await refused(apply([machine(1)]), /read-only[\s\S]*may only read.*app_sudo/);
    Object.assign(server, { isApp: false, seatsTaken: 16 });
    await refused(apply([machine(1)]), /has no session left/);
    Object.assign(server, { seatsTaken: 0 });
    assert.deepEqual(server.hosts, []);
    assert.equal(server.sessions.size, 0);
  });

  it("takes an app password that may change settings", async () => {
    Object.assign(server, { isApp: true, appSudo: true });
    await apply([machine(1)]);
    assert.equal(server.hosts.length, 1);
    Object.assign(server, { hosts: [], isApp: false });
  });

  it("loses what is the stack's even when its DHCP server is off", async () => {
    await apply([machine(1)]);
    server.active = false;
    await router().clear({ owner: "home", reservations: [machine(1)], previous: [machine(1)] });
    assert.deepEqual(server.hosts, []);
    server.active = true;
  });
});
