import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { until } from "../agents.ts";
import { whyNoNetwork } from "../router/cable.ts";
import { type SecureHome, startHome } from "./home.ts";
import type { Knock } from "./probe.ts";
import { machines, makeStack, type TestStack } from "./stack.ts";

/** Longer than any machine may be silent. */
const watchMs = 60_000;

describe("a home with a machine whose cable is pulled out", function () {
  this.timeout("5m");
  let home: SecureHome;
  let stack: TestStack;

  before(async function () {
    if (await whyNoNetwork("curl")) return this.skip();
    stack = await makeStack();
    home = await startHome();
    for (const machine of [...machines, { name: "laptop", ip: "192.168.2.9" }]) await home.add(machine);
    for (const { name, image } of machines) home.start(name, stack.manifests[image]);
    await home.ask("laptop", ["steps/access/main.ts", "grant"], stack.wanted);
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(home.logs());
  });
  after(() => home?.close());

  /** Nomad's answer, of the server or client at that address. */
  async function ask<Answer>(ip: string, where: string): Promise<Answer> {
    const { ca, nomad } = stack.access;
    const one: Knock = { ip, port: 4646, tls: { ca }, http: { path: where, headers: { "X-Nomad-Token": nomad } } };
    const [answer = ""] = await home.ask<string[]>("laptop", ["test/engine/security/probe.ts"], [one]);
    assert.match(answer, /^200 /);
    return JSON.parse(answer.slice(4)) as Answer;
  }

  it("takes no other for down, though some may talk to its server", async () => {
    const nodes = () => ask<{ Name: string; Status: string }[]>("192.168.2.51", "/v1/nodes?stale");
    await until("all are there", async () => {
      const all = await nodes();
      return all.length === machines.length && all.every(({ Status }) => Status === "ready");
    });
    await home.plug("pi3", false);
    const down = new Set<string>();
    const end = performance.now() + watchMs;
    while (performance.now() < end) {
      for (const { Name, Status } of await nodes()) if (Status === "down") down.add(Name);
      await pause(500);
    }
    await home.plug("pi3", true);
    assert.deepEqual([...down], ["pi3"]);
  });
});
