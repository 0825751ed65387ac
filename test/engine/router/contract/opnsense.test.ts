import assert from "node:assert/strict";
import { machine, nas } from "../bench.ts";
import { conformance } from "../conformance.ts";
import { realBench, settingsOf } from "./opnsense-bench.ts";
import { freshState, type OpnsenseContract, type ServerName, startOpnsense } from "./opnsense-server.ts";
import { refused, stackHome } from "./stack-home.ts";

for (const name of ["kea", "dnsmasq"] as const) {
  conformance(`OPNsense's documented interface with ${name}`, () => realBench(name));
  ownWays(name);
}

function ownWays(name: ServerName): void {
  describe(`OPNsense's documented interface with ${name}, in its own ways`, function () {
    this.timeout(60_000);
    let server: OpnsenseContract;

    before(async () => {
      server = await startOpnsense(name);
    });
    beforeEach(() => {
      Object.assign(server.state, freshState());
      server.asked.length = 0;
    });
    after(() => server?.close());

    const { router, apply } = stackHome((change) => settingsOf(server, change));

    it("marks what is the stack's in the description", async () => {
      await apply([machine(1)]);
      const [row] = server.state.live;
      assert.equal(row?.[name === "kea" ? "description" : "descr"], "piinit.home");
    });

    it("leaves a row its other fields when its address changes, if the new one is free", async () => {
      await apply([machine(1)]);
      const [row] = server.state.saved;
      Object.assign(row ?? {}, { lease_time: "600" });
      await apply([machine(1, { ip: "192.168.2.61" })], [machine(1)]);
      assert.equal(server.state.live[0]?.uuid, row?.uuid);
      assert.equal(server.state.live[0]?.lease_time, "600");
    });

    it("is started with rows that an earlier run saved and could not tell it of", async () => {
      await apply([machine(1)]);
      server.state.live = [];
      await apply([machine(1)], [machine(1)]);
      assert.equal(server.state.live.length, 1);
    });

    it("gets the old rows back when its server ends over the new ones", async () => {
      await apply([machine(1)]);
      server.state.endsOver = (row) => Object.values(row).includes(nas.ip);
      const before = structuredClone(server.state.saved);
      const work = apply([nas, machine(1, { ip: "192.168.2.61" })], [machine(1)]);
      await refused(work, /does not run with the new reservations: stopped\n.*as they were before/);
      assert.deepEqual(server.state.saved, before);
      assert.deepEqual(server.state.live, before);
      assert.equal(server.state.status, "running");
    });

    it("is believed when it refuses with status 200, and has the old rows then", async () => {
      await apply([machine(1)]);
      const before = structuredClone(server.state.saved);
      const taken = { ...nas, ip: machine(2).ip };
      const field =
        name === "kea" ? { ip_address: taken.ip, client_id: "01:02:03" } : { ip: taken.ip, client_id: "01:02:03" };
      const late = { uuid: "late", subnet: server.state.subnets[1]?.uuid ?? "", ...field };
      const { asked, state } = server;
      // Somebody enters it after the driver has looked.
      asked.push = (...items) => {
        if (items.some(({ method }) => method === "POST") && !state.saved.some(({ uuid }) => uuid === "late"))
          state.saved = [...state.saved, late];
        return Array.prototype.push.apply(asked, items);
      };
      await refused(apply([machine(1), machine(2)], [machine(1)]), /refuses pi2: .*\(failed\)\n {2}\w+\.ip/);
      Reflect.deleteProperty(asked, "push");
      assert.deepEqual(state.saved, [...before, late]);
    });

    it("says what to turn on, or which right is missing, before anything is changed", async () => {
      server.state.status = "disabled";
      await refused(apply([machine(1)]), /does not run \(disabled\). Turn it on there \(Services > .*server: /);
      await refused(router().leases(), /does not run/);
      server.state.status = "running";
      server.state.forbidden = true;
      await refused(apply([machine(1)]), /the privilege "Services: /);
      assert.deepEqual(server.state.saved, []);
    });

    it("lets a stack go when its server is off", async () => {
      await apply([machine(1)]);
      server.state.status = "disabled";
      await router().clear({ owner: "home", reservations: [machine(1)], previous: [machine(1)] });
      assert.deepEqual(server.state.saved, []);
    });

    if (name === "kea") {
      it("is asked for subnets: an address in none is refused, and a reservation in another one is nobody's business", async () => {
        await refused(
          apply([machine(1, { ip: "10.0.0.7" })]),
          /gives out addresses in 10\.9\.0\.0\/24, 192\.168\.2\.0\/24, and/,
        );
        const [other] = server.state.subnets;
        const elsewhere = {
          uuid: "elsewhere",
          subnet: other?.uuid ?? "",
          hw_address: machine(1).mac,
          ip_address: "10.9.0.9",
        };
        for (const old of [false, true]) {
          Object.assign(server.state, freshState(), { subnets: server.state.subnets, saved: [elsewhere], old });
          await apply([machine(1)]);
          assert.equal(server.state.live.length, 2);
        }
      });

      it("keeps track of a machine that moves from one subnet to another", async () => {
        await apply([machine(1)]);
        const moved = machine(1, { ip: "10.9.0.51" });
        assert.equal(
          (await apply([moved], [machine(1)]))[0],
          "~ pi1: b8:27:eb:00:00:01 → 10.9.0.51 (was 192.168.2.51)",
        );
        assert.deepEqual(
          server.state.live.map(({ ip_address }) => ip_address),
          ["10.9.0.51"],
        );
      });
    }
  });
}
