import assert from "node:assert/strict";
import { mkdir, rename, rm } from "node:fs/promises";
import { UserError } from "../../../../lib/errors.ts";
import { silent } from "../../../../lib/progress.ts";
import type { Reservation } from "../../../../steps/router/base/driver.ts";
import { kea } from "../../../../steps/router/drivers/kea/kea.ts";
import { machine } from "../bench.ts";
import { flavours, type KeaHome, login, startKeaOrSkip } from "./home.ts";

const pi1 = machine(1);
const moved = machine(1, { ip: "192.168.2.61" });

for (const flavour of flavours) {
  describe(`a router with ${flavour.title}`, function () {
    this.timeout(120_000);
    let home: KeaHome;

    const apply = (reservations: Reservation[], previous?: Reservation[], persist = true) =>
      kea.apply(
        { kind: "kea", url: home.url, ...login, persist },
        { owner: "home", reservations, previous },
        { progress: silent, signal: new AbortController().signal },
      );
    const refusal = (work: Promise<unknown>, ...patterns: RegExp[]) =>
      assert.rejects(work, (error: Error) => {
        assert.ok(error instanceof UserError, String(error.stack));
        for (const pattern of patterns) assert.match(error.message, pattern);
        return true;
      });
    const served = async ({ mac, ip, name }: Reservation) =>
      assert.deepEqual(await home.askForLease(mac), { ip, hostname: name });

    before(async function () {
      home = await startKeaOrSkip(this, flavour);
    });
    beforeEach(() => home.restart([]));
    after(() => home?.close());

    it("keeps its reservations when it starts again, if its settings want that", async () => {
      await apply([pi1]);
      await home.powerCycle();
      await served(pi1);
    });

    it("says that it forgets them, if they do not, and leaves Kea's file alone", async () => {
      const file = await home.file();
      assert.match(String(await apply([pi1], undefined, false)), /keeps this until it starts again/);
      assert.equal(await home.file(), file);
      await served(pi1);
    });

    it("refuses an address in none of its subnets", async () => {
      await refusal(
        apply([machine(1, { ip: "10.0.0.5" })]),
        /gives out addresses in 192\.168\.2\.0\/24, .*not in there: pi1: /,
      );
    });

    it("finds a subnet in a shared network, too, and changes nothing else there", async () => {
      const subnet = {
        id: 7,
        subnet: "192.168.2.0/24",
        pools: [{ pool: "192.168.2.200 - 192.168.2.250" }],
        "user-context": { mine: [1, 2] },
      };
      const networks = [{ name: "floor", interface: "home0", subnet4: [subnet] }];
      await home.restart([], { subnet4: [], "shared-networks": networks });
      await apply([pi1]);
      await served(pi1);
      const [floor] = JSON.parse(await home.file()).Dhcp4["shared-networks"];
      assert.deepEqual(floor.subnet4[0]["user-context"], { mine: [1, 2] });
    });

    it("is as before, and serves, when its file can't be written", async () => {
      await apply([pi1]);
      const away = `${home.configFile}.away`;
      await rename(home.configFile, away);
      await mkdir(home.configFile);
      await refusal(apply([moved], [pi1]), /refuses config-write/, /The reservations are as they were before/);
      await rm(home.configFile, { recursive: true });
      await rename(away, home.configFile);
      await served(pi1);
      await apply([moved], [pi1]);
      await home.powerCycle();
      await served(moved);
    });
  });
}
