import assert from "node:assert/strict";
import type { Reservation } from "../../../../steps/router/base/driver.ts";
import type { RouterSettings } from "../../../../steps/router/catalogue.ts";
import type { Random } from "../../../random.ts";
import { type Bench, machine, nas } from "../bench.ts";
import { conformance } from "../conformance.ts";
import { brokenWebSettings } from "./broken.ts";
import { faultCases } from "./faults.ts";
import { type Item, nextId, password, type RouterOsContract, servers, startRouterOs, user } from "./routeros-server.ts";
import { refused, stackHome } from "./stack-home.ts";

const settingsOf = ({ url, fingerprint }: RouterOsContract, change: object = {}) =>
  ({ kind: "routeros", url, fingerprint, user, password, ...change }) as RouterSettings;

const hex = (text: string) => Buffer.from(text).toString("hex");

/** A fixed lease as its owner makes one, with an option for its name. */
function entry({ mac, ip, name }: Reservation, change: Item = {}): { lease: Item; option: Item } {
  const value = `0x${hex(name)}`;
  return {
    option: { ".id": nextId(), name: `host-${name}`, code: "12", value, "raw-value": hex(name) },
    lease: {
      ".id": nextId(),
      address: ip,
      "mac-address": mac.toUpperCase(),
      "dhcp-option": `host-${name}`,
      server: "lan",
      status: "waiting",
      "last-seen": "never",
      disabled: "false",
      dynamic: "false",
      ...change,
    },
  };
}

const nameOf = ({ options }: RouterOsContract, lease: Item) =>
  Buffer.from(options.find(({ name }) => name === lease["dhcp-option"])?.["raw-value"] ?? "", "hex").toString();

function benchOf(server: RouterOsContract): Bench {
  let theirs: Item[] = [];
  const add = ({ lease, option }: { lease: Item; option?: Item }) => {
    server.leases = [...server.leases, lease];
    if (option) server.options = [...server.options, option];
    theirs.push(lease, ...(option ? [option] : []));
  };
  return {
    settings: settingsOf(server),
    marksOwners: true,
    putOthers: async (reservations) => reservations.forEach((one) => void add(entry(one))),
    putOddOthers: async (random) => oddLeases(random).forEach((lease) => void add({ lease })),
    others: async () => {
      const ids = new Set(theirs.map((one) => one[".id"]));
      return [...server.leases, ...server.options]
        .filter((one) => ids.has(one[".id"]))
        .map((one) => JSON.stringify(one))
        .join("\n");
    },
    reserved: async () =>
      server.leases
        .filter(({ dynamic, disabled }) => dynamic !== "true" && disabled !== "true")
        .map((one) => ({
          mac: one["mac-address"]?.toLowerCase() ?? "",
          ip: one.address ?? "",
          name: nameOf(server, one),
        })),
    async forbidWriting() {
      server.readOnly = true;
      return /policies read, write, api and rest-api/;
    },
    async turnOff() {
      server.servers = servers.map((one) => ({ ...one, disabled: "true" }));
    },
    async putLease({ mac, ip, name, expires }) {
      const seconds = expires - Math.floor(Date.now() / 1000);
      const bound = {
        "active-address": ip,
        "active-mac-address": mac.toUpperCase(),
        "host-name": name,
        "expires-after": `${Math.floor(seconds / 60)}m${seconds % 60}s`,
        status: "bound",
      };
      // RouterOS forgets a dynamic lease when it ends.
      if (seconds < 0) return;
      const fixed = server.leases.find((one) => one["mac-address"] === mac.toUpperCase());
      if (fixed) Object.assign(fixed, bound);
      else server.leases.push({ ...entry({ mac, ip, name }).lease, "dhcp-option": "", ...bound, dynamic: "true" });
    },
    async cost() {
      const logins = server.wrong;
      server.wrong = 0;
      return { logins };
    },
    async reset() {
      theirs = [];
      Object.assign(server, { leases: [], options: [], servers, readOnly: false, wrong: 0 });
    },
    broken: brokenWebSettings((change) => settingsOf(server, change), /not accept the user and password.*tried once/),
    secrets: [password, Buffer.from(`${user}:${password}`).toString("base64")],
    close: () => server.close(),
  };
}

/** Without a name, of other servers or all, off, by client id only, from a pool. */
function oddLeases({ below, pick }: Random): Item[] {
  return Array.from({ length: 30 }, (_, index) => {
    const name = `x${index}`;
    const mac = `02:00:00:00:${below(90) + 10}:${index + 10}`;
    const { lease } = entry({ mac, ip: `192.168.2.${150 + index}`, name });
    const plain: Item = { ...lease, "dhcp-option": "" };
    const byClient = Object.fromEntries(Object.entries(plain).filter(([key]) => key !== "mac-address"));
    return pick([
      plain,
      { ...plain, server: "guests", address: `10.20.0.${index + 10}` },
      { ...plain, disabled: "true" },
      { ...plain, address: "lan" },
      { ...plain, comment: `of ${name}`, "rate-limit": "1M" },
      { ...byClient, "client-id": `1:2:0:0:${index}` },
    ]);
  });
}

conformance("RouterOS's documented interface", async () => benchOf(await startRouterOs()));
faultCases("RouterOS's documented interface", async () => {
  const server = await startRouterOs();
  return { server, bench: benchOf(server) };
});

describe("RouterOS's documented interface, in its own ways", function () {
  this.timeout(30_000);
  let server: RouterOsContract;
  let bench: Bench;

  before(async () => {
    server = await startRouterOs();
    bench = benchOf(server);
  });
  beforeEach(() => bench.reset());
  after(() => server?.close());

  const { router, apply } = stackHome(() => bench.settings);
  const asked = () => server.asked.splice(0).map(({ method, path }) => `${method} ${path.replace(/\*.*/, "ID")}`);
  const looks = [
    "GET /rest/ip/dhcp-server",
    "GET /rest/ip/address",
    "GET /rest/ip/dhcp-server/lease",
    "GET /rest/ip/dhcp-server/option",
  ];

  it("marks leases and options with the stack's name, and sends the name by an option", async () => {
    await apply([machine(1)]);
    const [lease, ...moreLeases] = server.leases;
    const [option, ...moreOptions] = server.options;
    assert.equal(moreLeases.length + moreOptions.length, 0);
    const { "dhcp-option": name, comment, server: name2 } = lease ?? {};
    assert.deepEqual([name, comment, name2], ["piinit.home.pi1", "piinit.home", "lan"]);
    assert.deepEqual([option?.name, option?.code, option?.value], ["piinit.home.pi1", "12", "0x706931"]);
    assert.equal(option?.comment, "piinit.home");
    assert.deepEqual(await router().clear({ owner: "home", reservations: [machine(1)], previous: [machine(1)] }), [
      "- pi1: b8:27:eb:00:00:01 → 192.168.2.51",
    ]);
    assert.deepEqual([server.leases, server.options], [[], []]);
  });

  it("is only looked at when nothing is to be changed", async () => {
    await apply([machine(1)]);
    server.asked.length = 0;
    await apply([machine(1)], [machine(1)]);
    assert.deepEqual(asked(), [...looks, ...looks.slice(2)]);
  });

  it("leaves a machine its lease while its address changes, if the new one is free", async () => {
    await apply([machine(1)]);
    server.asked.length = 0;
    await apply([machine(1, { ip: "192.168.2.61" })], [machine(1)]);
    assert.deepEqual(asked(), [...looks, "PATCH /rest/ip/dhcp-server/lease/ID", ...looks.slice(2)]);
  });

  it("is mended when somebody has turned the stack's lease off, or changed its option", async () => {
    await apply([machine(1), machine(2)]);
    Object.assign(server.leases[0] ?? {}, { disabled: "true" });
    Object.assign(server.options[1] ?? {}, { value: "0x6f", "raw-value": "6f" });
    assert.deepEqual(await router().lost([machine(1), machine(2)]), [machine(1), machine(2)]);
    await apply([machine(1), machine(2)], [machine(1), machine(2)]);
    assert.deepEqual(await router().lost([machine(1), machine(2)]), []);
  });

  it("may have another lease for a machine on another server", async () => {
    server.leases = [entry(machine(1), { server: "guests", address: "10.20.0.9", "dhcp-option": "" }).lease];
    await apply([machine(1)]);
    assert.equal(server.leases.length, 2);
    const { server: _, ...ofAll } = entry(machine(1, { ip: "192.168.2.99" })).lease;
    server.leases = [ofAll];
    await refused(apply([machine(1)]), /has another entry in RouterOS's leases/);
  });

  it("says which networks it serves when a machine's address is in none", async () => {
    await refused(
      apply([machine(1), { ...nas, ip: "10.0.0.7" }]),
      /gives out addresses in lan \(192\.168\.2\.1\/24\), guests \(10\.20\.0\.1\/24\), .*not in there: nas: /,
    );
    server.servers = servers.map((one) => ({ ...one, disabled: "true" }));
    await refused(apply([machine(1)]), /gives out no addresses: DHCP is off/);
    assert.deepEqual(server.leases, []);
  });

  it("says which rights a user lacks", async () => {
    server.readOnly = true;
    await refused(apply([machine(1)]), /policies read, write, api and rest-api/);
  });
});
