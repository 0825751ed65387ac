import assert from "node:assert/strict";
import { silent } from "../../../../lib/progress.ts";
import type { Reservation } from "../../../../steps/router/base/driver.ts";
import { openRouter, type RouterSettings, routerSettings } from "../../../../steps/router/catalogue.ts";
import type { Random } from "../../../random.ts";
import { type Bench, machine, nas } from "../bench.ts";
import { conformance } from "../conformance.ts";
import { brokenWebSettings } from "./broken.ts";
import { faultCases } from "./faults.ts";
import { refused, stackHome } from "./stack-home.ts";
import {
  apiKey,
  freshState,
  nextId,
  password,
  type StoredClient,
  startUniFi,
  type UniFiContract,
  user,
} from "./unifi-server.ts";

const settingsOf = ({ url, fingerprint }: UniFiContract, change: object = {}) =>
  ({ kind: "unifi", site: "default", url, fingerprint, user, password, ...change }) as RouterSettings;
const withKey = { user: undefined, password: undefined, apiKey };

/** A client with a reservation as its owner makes one; it has been there for a while. */
const client = ({ mac, ip, name }: Reservation, change: Partial<StoredClient> = {}): StoredClient => ({
  _id: nextId(),
  mac,
  name,
  hostname: `${name}-own`,
  use_fixedip: true,
  fixed_ip: ip,
  network_id: "lan",
  last_seen: 1_790_000_000,
  ...change,
});

function benchOf(server: UniFiContract): Bench {
  let theirs = new Set<string>();
  const add = (clients: readonly StoredClient[]) => {
    for (const { _id } of clients) theirs.add(_id);
    server.clients = [...server.clients, ...clients];
  };
  return {
    settings: settingsOf(server),
    marksOwners: true,
    putOthers: async (reservations) => add(reservations.map((one) => client(one))),
    putOddOthers: async (random) => add(oddClients(random)),
    others: async () =>
      server.clients
        .filter(({ _id }) => theirs.has(_id))
        .map((one) => JSON.stringify(one))
        .join("\n"),
    reserved: async () =>
      server.clients
        .filter(({ use_fixedip }) => use_fixedip)
        .map(({ mac, fixed_ip = "", name = "" }) => ({ mac, ip: fixed_ip, name })),
    async putLease({ mac, ip, name, expires }) {
      // It tells of who is connected, and of no leases that have ended.
      if (expires < Date.now() / 1000) return;
      server.stations.push({ mac, ip, hostname: name, oui: "Raspberry Pi" });
      if (!server.clients.some((one) => one.mac === mac))
        server.clients.push({ _id: nextId(), mac, hostname: name, last_seen: 1_790_000_000 });
    },
    async forbidWriting() {
      server.readOnly = true;
      return /must be allowed to manage/;
    },
    async turnOff() {
      server.dhcp = false;
    },
    async cost() {
      const { logins } = server;
      server.logins = 0;
      assert.equal(server.sessions.size, 0, "a session was left open");
      return { logins };
    },
    async reset() {
      theirs = new Set();
      Object.assign(server, freshState());
    },
    broken: brokenWebSettings((change) => settingsOf(server, change), /not accept the user and password.*tried once/),
    secrets: [password, apiKey],
    close: () => server.close(),
  };
}

/** Without a reservation, with one that they had, without a name, of another network, with names and notes of people. */
function oddClients({ below, pick }: Random): StoredClient[] {
  return Array.from({ length: 30 }, (_, index) => {
    const mac = `02:00:00:00:${below(90) + 10}:${index + 10}`;
    const plain = client({ mac, ip: `192.168.2.${150 + index}`, name: `x${index}` });
    const { name: _name, ...nameless } = plain;
    return pick<StoredClient>([
      plain,
      nameless,
      { ...plain, use_fixedip: false },
      { _id: nextId(), mac, hostname: `x${index}` },
      { ...plain, name: `X's TV (${index})`, note: "piinit.homely, not ours", noted: true },
      { ...plain, network_id: "iot", fixed_ip: `10.20.0.${150 + index}` },
    ]);
  });
}

conformance("UniFi's interface as told of", async () => benchOf(await startUniFi()));
faultCases("UniFi's interface as told of", async () => {
  const server = await startUniFi();
  return { server, bench: benchOf(server), expire: () => server.sessions.clear() };
});

describe("UniFi's interface as told of, in its own ways", function () {
  this.timeout(30_000);
  let server: UniFiContract;
  let bench: Bench;

  before(async () => {
    server = await startUniFi();
    bench = benchOf(server);
  });
  beforeEach(() => bench.reset());
  after(() => server?.close());

  const { router, apply } = stackHome((change) => settingsOf(server, change));
  const clear = () => router().clear({ owner: "home", reservations: [machine(1)], previous: [machine(1)] });
  const known = (mac: string) => server.clients.find((one) => one.mac === mac) ?? assert.fail(`${mac} is unknown`);

  it("is not sent an API key again that it has refused, even to put something back", async () => {
    const settings = settingsOf(server, withKey);
    const table = { owner: "home", reservations: [machine(1), machine(2)], previous: undefined };
    const first = server.asked.length;
    const isChange = ({ method }: { method: string }) => method !== "GET";
    server.beforeAnswer(4, () => server.deny(true));
    const work = openRouter(settings, { progress: silent, signal: new AbortController().signal }).apply(table);
    await assert.rejects(work, /does not accept the API key. It was tried once[\s\S]*may be half changed/);
    server.deny(false);
    assert.equal(server.asked.length, first + 5);
    assert.equal(server.asked.slice(first).filter(isChange).length, 2);
  });

  it("is asked with an API key, without a login", async () => {
    assert.deepEqual(await apply([machine(1)], undefined, withKey), ["+ pi1: b8:27:eb:00:00:01 → 192.168.2.51"]);
    assert.deepEqual(await router(withKey).lost([machine(1)]), []);
    assert.equal(server.logins, 0);
    await refused(
      apply([machine(2)], [machine(1)], { ...withKey, apiKey: "wrong" }),
      /not accept the API key.*tried once/,
    );
    assert.equal(server.asked.filter(({ headers }) => headers["x-api-key"] === "wrong").length, 1);
  });

  it("may be a controller of one's own, too", async () => {
    server.isConsole = false;
    await apply([machine(1)]);
    assert.equal(known(machine(1).mac).fixed_ip, machine(1).ip);
    await refused(apply([machine(1)], undefined, { password: "wrong" }), /not accept the user and password/);
    assert.equal(server.sessions.size, 0);
  });

  it("lets a client that it knows keep its notes, and forgets only one that piinit has made", async () => {
    server.clients = [client(machine(1), { use_fixedip: false, name: "Kitchen", note: "on the shelf", noted: true })];
    await apply([machine(1), machine(2)]);
    assert.equal(known(machine(1).mac).note, "on the shelf piinit.home");
    assert.equal(known(machine(2).mac).note, "piinit.home");
    await clear();
    const { note, use_fixedip } = known(machine(1).mac);
    assert.deepEqual([note, use_fixedip, server.clients.length], ["on the shelf", false, 1]);
  });

  it("gives machines that exchange addresses a free one for the moment", async () => {
    await apply([machine(1), machine(2), machine(3)]);
    const after = [
      machine(1, { ip: machine(2).ip }),
      machine(2, { ip: machine(3).ip }),
      machine(3, { ip: machine(1).ip }),
    ];
    server.asked.length = 0;
    await apply(after, [machine(1), machine(2), machine(3)]);
    assert.deepEqual(await router().lost(after), []);
    assert.equal(server.asked.filter(({ method }) => method === "PUT").length, 4);
  });

  it("gives a new board the address of the old one, which it then forgets", async () => {
    await apply([machine(1)]);
    Object.assign(known(machine(1).mac), { last_seen: 1_790_000_000 });
    await apply([machine(1, { mac: machine(4).mac })], [machine(1)]);
    assert.deepEqual(
      server.clients.map(({ mac }) => mac),
      [machine(4).mac],
    );
  });

  it("names a client that had an address reserved before, and is why nobody else gets it", async () => {
    server.clients = [client({ ...nas, ip: machine(1).ip }, { use_fixedip: false })];
    await refused(apply([machine(1)]), /192\.168\.2\.51: b8:27:eb:00:01:77 nas\nRemove these/);
    assert.equal(server.clients.length, 1);
  });

  it("is told what it refuses, with what to do", async () => {
    await refused(
      apply([machine(1), { ...nas, ip: "10.30.0.7" }]),
      /gives out addresses in Default \(192\.168\.2\.1\/24\), IoT .*not in there: nas: /,
    );
    server.readOnly = true;
    await refused(apply([machine(1)]), /must be allowed to manage/);
    await refused(router({ site: "other" }).lost([machine(1)]), /Set `site`/);
    server.loginsLeft = 0;
    await refused(apply([machine(1)]), /too many logins/);
    assert.deepEqual([server.clients, server.sessions.size], [[], 0]);
  });

  it("is set up with an API key or an account, not with both", () => {
    const says = (change: object) => routerSettings.safeParse(settingsOf(server, change)).success;
    assert.deepEqual(
      [{}, withKey, { apiKey }, { password: undefined }, { user: undefined, password: undefined }].map(says),
      [true, true, false, false, false],
    );
  });
});
