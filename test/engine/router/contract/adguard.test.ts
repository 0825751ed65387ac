import assert from "node:assert/strict";
import type { RouterSettings } from "../../../../steps/router/catalogue.ts";
import type { Random } from "../../../random.ts";
import { type Bench, machine, nas } from "../bench.ts";
import { conformance } from "../conformance.ts";
import { type AdGuardContract, password, type Static, startAdGuard, user } from "./adguard-server.ts";
import { brokenWebSettings } from "./broken.ts";
import { faultCases } from "./faults.ts";
import { refused, stackHome } from "./stack-home.ts";

const settingsOf = ({ url, fingerprint }: AdGuardContract, change: object = {}) =>
  ({ kind: "adguard", url, fingerprint, user, password, ...change }) as RouterSettings;

function benchOf(server: AdGuardContract): Bench {
  let theirs: string[] = [];
  const add = (entries: readonly Static[]) => {
    theirs.push(...entries.map((one) => JSON.stringify(one)));
    server.staticLeases = [...server.staticLeases, ...entries];
  };
  let wrongBefore = 0;
  return {
    settings: settingsOf(server),
    marksOwners: false,
    putOthers: async (reservations) => add(reservations.map(({ mac, ip, name }) => ({ mac, ip, hostname: name }))),
    putOddOthers: async (random) => add(oddEntries(random)),
    others: async () =>
      server.staticLeases
        .map((one) => JSON.stringify(one))
        .filter((one) => theirs.includes(one))
        .join("\n"),
    reserved: async () => server.staticLeases.map(({ mac, ip, hostname }) => ({ mac, ip, name: hostname })),
    async putLease({ mac, ip, name, expires }) {
      server.leases.push({ mac, ip, hostname: name, expires: new Date(expires * 1000).toISOString() });
    },
    async cost() {
      const logins = server.wrong - wrongBefore;
      wrongBefore = server.wrong;
      return { logins };
    },
    async turnOff() {
      server.enabled = false;
    },
    async reset() {
      theirs = [];
      wrongBefore = 0;
      Object.assign(server, { staticLeases: [], leases: [], enabled: true, wrong: 0 });
    },
    broken: brokenWebSettings((change) => settingsOf(server, change), /not accept the user and password/),
    secrets: [password, Buffer.from(`${user}:${password}`).toString("base64")],
    close: () => server.close(),
  };
}

/** Without a name, outside the range, with the same first label. */
function oddEntries({ below, pick }: Random): Static[] {
  return Array.from({ length: 30 }, (_, index) => ({
    mac: `02:00:00:00:${below(90) + 10}:${index + 10}`,
    ip: `192.168.2.${150 + index}`,
    hostname: pick(["", `x${index}`, `x${index}.lan`, `x-${index}`]),
  }));
}

conformance("AdGuard Home's documented interface", async () => benchOf(await startAdGuard()));
faultCases("AdGuard Home's documented interface", async () => {
  const server = await startAdGuard();
  return { server, bench: benchOf(server) };
});

describe("AdGuard Home's documented interface, in its own ways", function () {
  this.timeout(30_000);
  let server: AdGuardContract;

  before(async () => {
    server = await startAdGuard();
  });
  beforeEach(() => {
    Object.assign(server, { staticLeases: [], leases: [], enabled: true, wrong: 0 });
  });
  after(() => server?.close());

  const { apply } = stackHome((change) => settingsOf(server, change));

  it("says that no name will come, when it has changed something", async () => {
    assert.match((await apply([machine(1)])).join("\n"), /sends a machine no name/);
    assert.doesNotMatch((await apply([machine(1)])).join("\n"), /no name/);
  });

  it("leaves a machine its entry while its address changes, if the new one is free", async () => {
    await apply([machine(1)]);
    server.asked.length = 0;
    await apply([machine(1, { ip: "192.168.2.61" })], [machine(1)]);
    assert.deepEqual(
      server.asked.map(({ path }) => path.replace(/.*\//, "")),
      ["status", "update_static_lease", "status"],
    );
  });

  it("keeps an entry of a machine that left the stack when somebody has changed it meanwhile", async () => {
    await apply([machine(1), machine(2)]);
    const changed = { mac: machine(2).mac, ip: machine(2).ip, hostname: "printer" };
    server.staticLeases = [...server.staticLeases.slice(0, 1), changed];
    await apply([machine(1)], [machine(1), machine(2)]);
    assert.deepEqual(server.staticLeases.at(-1), changed);
  });

  it("refuses what AdGuard Home refuses, in its words, with everything as before", async () => {
    await apply([machine(1)]);
    const theirs = { mac: nas.mac, ip: machine(2).ip, hostname: nas.name };
    const before = [...structuredClone(server.staticLeases), theirs];
    // Somebody is faster, after it was looked at.
    server.beforeAnswer(2, () => {
      server.staticLeases = [...server.staticLeases, theirs];
    });
    await refused(
      apply([machine(1, { ip: "192.168.2.61" }), machine(2)], [machine(1)]),
      /adding static lease: [\s\S]*as they were before/,
    );
    assert.deepEqual(server.staticLeases, before);
  });

  it("says what to turn on", async () => {
    server.enabled = false;
    await refused(apply([machine(1)]), /gives out no addresses: DHCP is off. Turn it on/);
  });
});
