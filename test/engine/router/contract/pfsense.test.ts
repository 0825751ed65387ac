import assert from "node:assert/strict";
import { machine, nas } from "../bench.ts";
import { conformance } from "../conformance.ts";
import { realBench, settingsOf } from "./pfsense-bench.ts";
import { freshState, type PfsenseContract, type StoredMapping, startPfsense } from "./pfsense-server.ts";
import { refused, stackHome } from "./stack-home.ts";

conformance("pfSense's documented interface", realBench);

describe("pfSense's documented interface, in its own ways", function () {
  this.timeout(120_000);
  let server: PfsenseContract;

  before(async () => {
    server = await startPfsense();
  });
  beforeEach(() => {
    Object.assign(server.state, freshState());
    server.asked.length = 0;
  });
  after(() => server?.close());

  const { router, apply } = stackHome((change) => settingsOf(server, change));
  const theirs = (change: Partial<StoredMapping> = {}): StoredMapping => ({
    mac: nas.mac,
    ipaddr: nas.ip,
    hostname: nas.name,
    descr: "mine",
    gateway: "192.168.2.9",
    ...change,
  });

  it("marks what is the stack's in the description", async () => {
    await apply([machine(1)]);
    assert.equal(server.state.live[0]?.descr, "piinit.home");
  });

  it("applies nothing without a change, unless something waits to be applied", async () => {
    await apply([machine(1)]);
    assert.equal(server.state.applies, 1);
    await apply([machine(1)], [machine(1)]);
    assert.equal(server.state.applies, 1);
    Object.assign(server.state, { isDirty: true, live: [] });
    await apply([machine(1)], [machine(1)]);
    assert.equal(server.state.live.length, 1);
  });

  it("names all machines in the addresses that it gives to anybody, before anything is changed", async () => {
    const inside = [machine(1, { ip: "192.168.2.200" }), machine(2, { ip: "192.168.2.250" })];
    await refused(
      apply([...inside, machine(3)]),
      /Nothing was changed on .*\n.*\.200 to 192\.168\.2\.250.*pi1: .*pi2: /,
    );
    await refused(apply([machine(1, { ip: "192.168.2.253" })]), /\.240 to 192\.168\.2\.253 .*pi1: /);
    assert.deepEqual(server.state.saved, []);
  });

  it("is asked again while somebody else writes", async () => {
    server.state.locked = 2;
    await apply([machine(1)]);
    assert.equal(server.state.live.length, 1);
  });

  it("gets back what its list had in a row's place when that was removed", async () => {
    await apply([machine(1)]);
    const other = theirs();
    server.state.beforeWrite = () => {
      server.state.saved = [other, ...server.state.saved];
    };
    const work = apply([machine(1, { mac: machine(4).mac })], [machine(1)]);
    await refused(work, /had "b8:27:eb:00:01:77 192\.168\.2\.7 nas" in the place of .*it is back/);
    assert.ok(server.state.saved.some(({ mac, gateway, descr }) => mac === nas.mac && gateway && descr === "mine"));
    assert.equal(server.state.saved.length, 2);
    await apply([machine(1, { mac: machine(4).mac })], [machine(1)]);
    assert.equal(server.state.live.length, 2);
  });

  it("refuses a change of the wrong row, and has the old rows then", async () => {
    await apply([machine(1)]);
    const other = theirs();
    server.state.beforeWrite = () => {
      server.state.saved = [other, ...server.state.saved];
    };
    const work = apply([machine(1, { ip: "192.168.2.61" })], [machine(1)]);
    await refused(work, /says 400: Field `mac` must be unique\. \(FIELD_MUST_BE_UNIQUE\)\n.*as they were before/);
    assert.deepEqual(server.state.saved[0], other);
    assert.equal(server.state.live.length, 2);
  });

  it("shows machines that are there by a static mapping among its leases", async () => {
    const lease = { ip: nas.ip, mac: nas.mac, hostname: nas.name, ends: "", active_status: "static" };
    server.state.saved = [theirs()];
    server.state.leases = [
      { ...lease, online_status: "active/online" },
      { ...lease, mac: machine(9).mac, ip: machine(9).ip, online_status: "idle/offline" },
    ];
    assert.deepEqual(
      (await router().leases())?.map(({ mac, isReserved }) => [mac, isReserved]),
      [[nas.mac, true]],
    );
  });

  it("says what to turn on, install or allow, before anything is changed", async () => {
    server.state.enable = false;
    await refused(
      apply([machine(1)]),
      /gives out no addresses: DHCP is off. Turn it on there \(Services > DHCP Server/,
    );
    await refused(router().leases(), /gives out no addresses/);
    Object.assign(server.state, { enable: true, missingPrivilege: "GET /static_mappings" });
    await refused(apply([machine(1)]), /lacks a privilege that .*Authorization failed/);
    Object.assign(server.state, { missingPrivilege: undefined, isBare: true });
    await refused(apply([machine(1)]), /has no REST API: install/);
    assert.deepEqual(server.state.saved, []);
  });

  it("has the old rows when its changes can't be applied", async () => {
    await apply([machine(1)]);
    const before = structuredClone(server.state.saved);
    server.state.missingPrivilege = "POST /apply";
    await refused(
      apply([machine(1), machine(2)], [machine(1)]),
      /lacks a privilege.*\nThis stack's reservations may be half/,
    );
    assert.deepEqual(server.state.saved, before);
    server.state.missingPrivilege = undefined;
    await apply([machine(1), machine(2)], [machine(1)]);
    assert.equal(server.state.live.length, 2);
  });
});
