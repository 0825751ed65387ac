import assert from "node:assert/strict";
import { UserError } from "../../../../lib/errors.ts";
import { silent } from "../../../../lib/progress.ts";
import type { Reservation } from "../../../../steps/router/base/driver.ts";
import { reservationText } from "../../../../steps/router/base/table.ts";
import { openRouter } from "../../../../steps/router/catalogue.ts";
import { type Bench, machine } from "../bench.ts";
import { type ContractServer, faults } from "./server.ts";

const old = [machine(1), machine(2), machine(3)];
const wanted = [machine(1, { ip: machine(2).ip }), machine(2, { ip: machine(1).ip }), machine(4)];
const sorted = (table: readonly Reservation[]) => table.map(reservationText).sort().join("\n");

interface Opened {
  server: ContractServer;
  bench: Bench;
}

/** Lets each request of a change go wrong in each way: the router then has the old table or the new, never a mixture. */
export function faultCases(title: string, open: () => Promise<Opened>): void {
  describe(`${title}, when one request goes wrong`, function () {
    this.timeout(120_000);

    const apply = ({ bench }: Opened, reservations: Reservation[], previous?: Reservation[]) =>
      openRouter(bench.settings, { progress: silent, signal: new AbortController().signal }).apply({
        owner: "home",
        reservations,
        previous,
      });
    const tableOf = async ({ bench }: Opened) => sorted(await bench.reserved());
    const withRouter = async <T>(work: (router: Opened) => Promise<T>): Promise<T> => {
      const router = await open();
      try {
        await apply(router, old);
        return await work(router);
      } finally {
        await router.server.close();
      }
    };
    let count = 0;

    before(async () => {
      count = await withRouter(async (router) => {
        const first = router.server.asked.length;
        await apply(router, wanted, old);
        return router.server.asked.length - first;
      });
    });

    for (const fault of faults)
      it(`(${fault}): has a whole table, and the next run goes on from there`, async () => {
        const attempts = Array.from({ length: count }, (_, number) =>
          withRouter(async (router) => {
            router.server.failAt(number, fault);
            await apply(router, wanted, old).catch((error) =>
              assert.ok(error instanceof UserError, String(error.stack)),
            );
            const now = await tableOf(router);
            assert.ok([sorted(old), sorted(wanted)].includes(now), `request ${number}:\n${now}`);
            await apply(router, wanted, old);
            assert.equal(await tableOf(router), sorted(wanted), `request ${number}`);
          }),
        );
        await Promise.all(attempts);
      });
  });
}
