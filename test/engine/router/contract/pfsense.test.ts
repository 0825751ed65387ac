import assert from "node:assert/strict";
import type { RouterSettings } from "../../../../steps/router/catalogue.ts";
import type { Random } from "../../../random.ts";
import { type Bench, machine, nas } from "../bench.ts";
import { conformance } from "../conformance.ts";
import { brokenWebSettings } from "./broken.ts";
import { faultCases } from "./faults.ts";
import { apiKey, freshState, type PfsenseContract, type StoredMapping, startPfsense } from "./pfsense-server.ts";
import { type Real, realKea } from "./real.ts";
import { refused, stackHome } from "./stack-home.ts";

const settingsOf = ({ url, fingerprint }: PfsenseContract, change: object = {}) =>
  ({ kind: "pfsense", url, fingerprint, interface: "lan", apiKey, ...change }) as RouterSettings;

async function realBench(): Promise<Bench> {
  const kea = await realKea();
  const real = kea && { ...kea, start: (mappings: readonly StoredMapping[]) => kea.start(mappings.map(keaHost)) };
  return benchOf(await startPfsense(real && { start: real.start }), real);
}

const keaHost = ({ mac, cid, ipaddr, hostname }: StoredMapping) => ({
  ...(mac ? { "hw-address": mac } : { "client-id": cid }),
  ...(ipaddr && { "ip-address": ipaddr }),
  ...(hostname ? { hostname } : {}),
});

function benchOf(pfsense: PfsenseContract, real?: Real<StoredMapping>): Bench {
  const { state } = pfsense;
  let theirs: string[] = [];
  const add = (mappings: readonly StoredMapping[]) => {
    theirs.push(...mappings.map((one) => JSON.stringify(one)));
    state.saved = [...state.saved, ...mappings];
    state.live = state.saved;
  };
  return {
    settings: settingsOf(pfsense),
    marksOwners: true,
    putOthers: async (reservations) =>
      add(reservations.map(({ mac, ip, name }) => ({ mac, ipaddr: ip, hostname: name, descr: "by hand" }))),
    putOddOthers: async (random) => add(oddMappings(random)),
    others: async () =>
      state.saved
        .map((one) => JSON.stringify(one))
        .filter((one) => theirs.includes(one))
        .sort()
        .join("\n"),
    async reserved() {
      assert.deepEqual(state.live, state.saved, "its server does not run with what is in its configuration");
      return state.live.flatMap(({ mac, ipaddr: ip, hostname }) =>
        mac && ip && hostname ? [{ mac, ip, name: String(hostname) }] : [],
      );
    },
    async putLease({ mac, ip, name, expires }) {
      const ends = new Date(expires * 1000).toISOString().replaceAll("-", "/").replace("T", " ").slice(0, 19);
      const active_status = expires * 1000 > Date.now() ? "active" : "expired";
      state.leases.push({ ip, mac, hostname: name, if: "lan", ends, active_status, online_status: "idle/offline" });
    },
    async turnOff() {
      state.enable = false;
    },
    async cost() {
      const cost = { logins: state.wrong, reloads: state.applies };
      Object.assign(state, { wrong: 0, applies: 0 });
      return cost;
    },
    async reset() {
      theirs = [];
      Object.assign(state, { ...freshState(), start: state.start });
      await real?.start([]);
    },
    ...(real && { askForLease: (mac: string) => real.askForLease(mac) }),
    broken: [
      ...brokenWebSettings((change) => settingsOf(pfsense, change), /not accept the API key.*tried once/, "apiKey"),
      { what: "interface", settings: settingsOf(pfsense, { interface: "opt7" }), says: /says 404: Parent not found/ },
    ],
    secrets: [apiKey],
    async close() {
      await pfsense.close();
      await real?.close();
    },
  };
}

/** What people enter: only a name, upper case, another identifier, marks of others, options. */
function oddMappings({ below, pick }: Random): StoredMapping[] {
  return Array.from({ length: 20 }, (_, index) => {
    const mac = `02:00:00:00:${below(90) + 10}:${index + 10}`;
    const ipaddr = `192.168.2.${150 + index}`;
    return pick<StoredMapping>([
      { mac: mac.toUpperCase(), ipaddr, hostname: `X${index}`, descr: "piinit" },
      { mac, ipaddr: null, hostname: `x${index}`, descr: "piinit.garage" },
      { mac: "", cid: `01:02:${index + 10}`, ipaddr, hostname: null, descr: 'it\'s "mine"' },
      { mac, ipaddr, hostname: `x${index}.home.lan`, descr: "", dnsserver: ["10.1.1.1"], defaultleasetime: 600 },
    ]);
  });
}

conformance("pfSense's documented interface", realBench);
faultCases("pfSense's documented interface", async () => {
  const server = await startPfsense();
  return { server, bench: benchOf(server) };
});

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
