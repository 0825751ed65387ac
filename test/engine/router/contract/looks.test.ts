import assert from "node:assert/strict";
import { findDrift } from "../../../../cli/drift/drift.ts";
import { routerDrift, type Wanted } from "../../../../cli/drift/router.ts";
import type { StackState } from "../../../../cli/stack/state.ts";
import { type RouterSettings, routerSettings } from "../../../../steps/router/catalogue.ts";
import { machine } from "../bench.ts";
import { type PiHoleContract, password, startPiHole } from "./pihole-server.ts";

const [pi1, pi2] = [machine(1), machine(2)] as const;

describe("up, of a router that counts logins", function () {
  this.timeout(30_000);
  let server: PiHoleContract;

  before(async () => {
    server = await startPiHole();
  });
  beforeEach(() => {
    server.logins = 0;
    server.deny(false);
  });
  after(() => server?.close());

  const routerWith = (change: object = {}): RouterSettings => {
    const { url, fingerprint } = server;
    return routerSettings.parse({ kind: "pihole", url, fingerprint, password, ...change });
  };
  /** A stack's settings as `up` has them. */
  const wanted = (machines: Wanted["machines"], router = routerWith()): Wanted => ({
    lab: undefined,
    machines,
    network: { cidr: "192.168.2.0/24", router },
  });
  const settingsOf = (reservations: readonly (typeof pi1)[]) =>
    reservations.map((one) => ({ ...one, image: "server" })) as Wanted["machines"];
  /** A state in which the router's step has reserved these. */
  const stateWith = (reservations: readonly (typeof pi1)[], router = routerWith()) => {
    const stdin = JSON.stringify({ router, owner: "home", reservations, cidr: "192.168.2.0/24" });
    const inputs = { create: "node steps/router/main.ts apply", stdin };
    const resource = { urn: "urn:reservations", type: "command:local:Command", inputs };
    return { deployment: { resources: [resource] } } as unknown as StackState;
  };

  it("looks once before the update when the settings are as they were, and not after it", async () => {
    const state = stateWith([pi1]);
    const before = await findDrift(state, { settings: wanted(settingsOf([pi1])) });
    assert.deepEqual(
      before.corrections.map(({ reason }) => /lacks pi1: /.test(reason)),
      [true],
    );
    const after = await findDrift(state, { router: before.router });
    assert.deepEqual([after.corrections, after.unknown, server.logins], [[], [], 1]);
  });

  it("leaves the look to the step when that will run for other machines, another password or network", async () => {
    for (const settings of [
      wanted(settingsOf([pi1, pi2])),
      wanted(settingsOf([pi1]), routerWith({ password: "new" })),
      { ...wanted(settingsOf([pi1])), network: { cidr: "192.168.2.0/25", router: routerWith() } },
    ]) {
      const found = await routerDrift(stateWith([pi1]), settings);
      assert.deepEqual(found, { corrections: [], unknown: [], isSettled: true });
    }
    assert.equal(server.logins, 0);
  });

  it("sends a refused password once, and says so again after the update without asking", async () => {
    const router = routerWith({ password: "wrong" });
    const state = stateWith([pi1], router);
    const before = await findDrift(state, { settings: wanted(settingsOf([pi1]), router) });
    const after = await findDrift(state, { router: before.router });
    assert.match(after.unknown.join("\n"), /could not be checked: .*does not accept the password/);
    assert.equal(server.logins, 1);
  });

  it("looks again after the update where nobody answered before", async () => {
    const state = stateWith([pi1]);
    const first = server.asked.length;
    server.failAt(0, "reset before");
    const before = await findDrift(state, { settings: wanted(settingsOf([pi1])) });
    assert.match(before.unknown.join("\n"), /could not be checked: no answer/);
    assert.equal((await findDrift(state, { router: before.router })).corrections.length, 1);
    assert.ok(server.asked.length > first + 1);
  });
});
