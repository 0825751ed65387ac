import assert from "node:assert/strict";
import { checkRouter } from "../../../../cli/doctor/router.ts";
import type { Reservation } from "../../../../steps/router/base/driver.ts";
import type { RouterSettings } from "../../../../steps/router/catalogue.ts";
import { machine, nas } from "../bench.ts";
import { brokenWebSettings } from "./broken.ts";
import { faultCases } from "./faults.ts";
import {
  type FritzBoxContract,
  freshState,
  password,
  type StoredHost,
  startFritzBox,
  user,
} from "./fritzbox-server.ts";
import { refused as refusedInWords, stackHome } from "./stack-home.ts";
import { hearsNothing } from "./stranger.ts";

const settingsOf = ({ url, fingerprint }: FritzBoxContract, change: object = {}) =>
  ({ kind: "fritzbox", url, fingerprint, user, password, ...change }) as RouterSettings;
const [pi1, pi2, pi3] = [machine(1), machine(2), machine(3)] as const;
const host = ({ mac, ip, name }: Reservation, change: Partial<StoredHost> = {}): StoredHost => ({
  mac,
  ip,
  name,
  active: true,
  ...change,
});

const exchanged = [machine(1, { name: pi2.name }), machine(2, { name: pi1.name }), pi3];
faultCases(
  "a FRITZ!Box's documented interface",
  async () => {
    const server = await startFritzBox();
    server.hosts = [host(pi1), host(pi2, { name: "PI2" }), host(pi3)];
    const bench = {
      settings: settingsOf(server),
      putOthers: async (reservations: readonly Reservation[]) => {
        server.hosts.push(...reservations.map((one) => host(one)));
      },
      others: async () => JSON.stringify(server.hosts.filter(({ mac }) => mac === nas.mac)),
      reserved: async () => server.hosts.map(({ mac, ip, name }) => ({ mac, ip, name: name.toLowerCase() })),
      secrets: [password],
    };
    const expire = () => {
      server.nonce = { text: "", count: 0 };
    };
    return { server, bench, expire };
  },
  { old: [pi1, pi2, pi3], wanted: exchanged },
  false,
);

describe("a FRITZ!Box's documented interface", function () {
  this.timeout(60_000);
  let server: FritzBoxContract;

  before(async () => {
    server = await startFritzBox();
  });
  beforeEach(() => {
    Object.assign(server, freshState());
  });
  after(() => server?.close());

  const { router, apply } = stackHome((change) => settingsOf(server, change));
  const refused = async (work: Promise<unknown>, ...patterns: RegExp[]) => {
    const message = await refusedInWords(work, ...patterns);
    assert.ok(!message.includes(password), "the message has the password");
  };
  const names = () => server.hosts.map(({ name }) => name);
  const row = ({ mac, ip, name }: Reservation) => `  ${mac}  ${ip.padEnd(15)}  ${name}`;

  it("is content when every machine is there as it is to be", async () => {
    server.hosts = [host(pi1), host(pi2, { active: false })];
    assert.deepEqual(await apply([pi1, pi2]), ["= 2 with their addresses"]);
    assert.deepEqual(await router().lost([pi1, pi2]), []);
    assert.ok(!server.asked.some(({ headers }) => String(headers.soapaction).includes("SetHostName")));
  });

  it("says what to click for the others, until they are there", async () => {
    server.hosts = [host(pi1), host(pi2, { ip: "192.168.2.203" })];
    const told = await apply([pi1, pi2, pi3], [machine(4)]);
    const text = told.join("\n");
    assert.match(text, /no program can: Home Network > Network, [\s\S]*"Always assign/);
    assert.ok(told.indexOf(row(pi2)) < told.indexOf(row(pi3)));
    assert.match(told[told.indexOf(row(pi3)) - 2] ?? "", /has not seen these yet/);
    assert.match(told[told.indexOf(row(machine(4))) - 2] ?? "", /may be removed/);
    assert.match(text, /= 1 with their addresses/);
    assert.match(text, /pi2 still has 192\.168\.2\.203 until its lease ends/);
    assert.deepEqual(await router().lost([pi1, pi2, pi3]), [pi2, pi3]);
    server.hosts = [host(pi1), host(pi2), host(pi3)];
    assert.deepEqual(await router().lost([pi1, pi2, pi3]), []);
  });

  it("gives machines their names, also such as they exchange", async () => {
    server.hosts = [host(pi1, { name: "PI2" }), host(pi2, { name: "pi1" }), host(pi3, { name: "b8-27" }), host(nas)];
    const told = await apply([pi1, pi2, pi3]);
    assert.deepEqual(names(), ["pi1", "pi2", "pi3", "nas"]);
    assert.deepEqual(told.slice(0, 3), [
      `~ ${pi1.mac} is called pi1 (was PI2)`,
      `~ ${pi2.mac} is called pi2 (was pi1)`,
      `~ ${pi3.mac} is called pi3 (was b8-27)`,
    ]);
  });

  it("leaves a name to the stranger who has it, and names that one", async () => {
    server.hosts = [host(pi1, { name: "b8-27" }), host(nas, { name: "Pi1" })];
    assert.match((await apply([pi1])).join("\n"), /the name pi1 belongs to b8:27:eb:00:01:77/);
    assert.deepEqual(names(), ["b8-27", "Pi1"]);
  });

  it("tells who has an address now", async () => {
    server.hosts = [host(pi1), host(nas, { name: "a & b" }), host(pi2, { active: false }), host(pi3, { ip: "" })];
    const leases = await router().leases();
    assert.deepEqual(
      leases?.map(({ mac, ip, name }) => [mac, ip, name].join(" ")),
      [`${pi1.mac} ${pi1.ip} pi1`, `${nas.mac} ${nas.ip} a & b`],
    );
  });

  it("is compared with the stack by doctor", async () => {
    server.hosts = [host(pi1), host(nas)];
    const network = { cidr: "192.168.2.0/24", router: settingsOf(server) };
    const doctor = () => checkRouter({ lab: undefined, network, machines: [pi1, pi2] }, "home");
    const isWell = /answers, 2 leases; 1 of 2 reservations are there; `up` says how to enter pi2: /;
    assert.match(await doctor(), isWell);
    server.mayChange = false;
    await refused(doctor(), /answers, but:\n {2}it lets this login change nothing: the user needs the right/);
    server.tellsRights = false;
    assert.match(await doctor(), isWell);
  });

  it("is answered by the challenge that it gave, until that is stale", async () => {
    server.hosts = [host(pi1)];
    await apply([pi1]);
    assert.equal(server.challenges, 1);
    Object.assign(server, freshState(), { hosts: [host(pi1)], uses: 1 });
    await apply([pi1]);
    assert.deepEqual([server.challenges, server.wrong], [2, 0]);
  });

  it("is not asked when the stack goes, and what to remove is told", async () => {
    const first = server.asked.length;
    const told = await router().clear({ owner: "home", reservations: [pi1], previous: [pi1] });
    assert.deepEqual(told.slice(1), ["  MAC address        IP address       name", row(pi1)]);
    assert.equal(server.asked.length, first);
  });

  it("says what to turn on, which right is missing, and what it did not keep", async () => {
    server.dhcp = false;
    await refused(apply([pi1]), /gives out no addresses: DHCP is off. Turn it on/);
    const before = [host(pi1, { name: "b8-27" })];
    Object.assign(server, { dhcp: true, mayChange: false, hosts: before });
    await refused(apply([pi1]), /the user needs the right/);
    Object.assign(server, { mayChange: true, keepsNames: false });
    await refused(apply([pi1]), /did not keep these names: pi1/);
    server.asksFor = 'Basic realm="x"';
    await refused(apply([pi1]), /^FRITZ!Box at https:\S+ says 401$/);
  });

  it("gets a wrong password once, and nothing if it is another one", async () => {
    for (const { settings, says } of brokenWebSettings(
      (change) => settingsOf(server, change),
      /not accept the user and password.*tried once/,
    )) {
      server.wrong = 0;
      await refused(apply([pi1], undefined, settings), says);
      assert.ok(server.wrong <= 1, `${server.wrong} wrong answers`);
    }
    await hearsNothing(settingsOf(server), async (settings, says) => {
      await refused(apply([pi1], undefined, settings), says);
      await refused(router(settings).lost([pi1]), says);
      await refused(router(settings).leases(), says);
    });
  });

  it("is left alone when the user interrupts", async () => {
    await refused(
      router({}, AbortSignal.abort()).apply({ owner: "home", reservations: [pi1], previous: undefined }),
      /interrupted/,
    );
  });
});
