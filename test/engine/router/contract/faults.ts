import assert from "node:assert/strict";
import { UserError } from "../../../../lib/errors.ts";
import { silent } from "../../../../lib/progress.ts";
import type { Reservation } from "../../../../steps/router/base/driver.ts";
import { reservationText } from "../../../../steps/router/base/table.ts";
import { openRouter, type RouterSettings } from "../../../../steps/router/catalogue.ts";
import { type Bench, machine, nas } from "../bench.ts";
import { type Patience, watchPatience, withPatience } from "./patience.ts";
import { type Asked, type ContractServer, faults, silences } from "./server.ts";

const allOld = [machine(1), machine(2), machine(3)];
const allWanted = [machine(1, { ip: machine(2).ip }), machine(2, { ip: machine(1).ip }), machine(4)];
const sorted = (table: readonly Reservation[]) => table.map(reservationText).sort().join("\n");

/** What a user must not see: names and words of Node.js, its libraries and OpenSSL. */
export const libraryWords =
  /\bE[A-Z]{4,}\b|\bERR_|socket hang up|fetch failed|\bzod\b|Unexpected token|\w+Error\b|\bundefined\b|\[object|\.ts:\d/;

/** What a user may have to wait in vain for answers, if a router falls silent. */
const longestMs = 120_000;

interface Opened {
  server: ContractServer;
  bench: Pick<Bench, "settings" | "putOthers" | "others" | "reserved" | "secrets">;
  /** Ends all sessions, where it has such. */
  expire?(): void;
}

/** What is applied first, and what while a request goes wrong. */
interface Tables {
  old: Reservation[];
  wanted: Reservation[];
}

/** Lets requests go wrong while the table changes, and while it is removed where the router lets programs do that. */
export function faultCases(
  title: string,
  open: () => Promise<Opened>,
  { old, wanted }: Tables = { old: allOld, wanted: allWanted },
  canClear = true,
): void {
  changeCases(`${title}, when one request of a change goes wrong`, open, old, wanted);
  if (canClear) changeCases(`${title}, when one request of \`clear\` goes wrong`, open, old, []);
}

/**
 * Lets requests of a change go wrong in each way: the router then has the old table or the new, or the message says that
 * it may have neither; others keep their entries, no password is sent twice, and the next run has the new table. An empty
 * one is what `clear` leaves.
 */
function changeCases(title: string, open: () => Promise<Opened>, old: Reservation[], wanted: Reservation[]): void {
  describe(title, function () {
    this.timeout(240_000);
    let asked: Asked[] = [];

    before(async () => {
      asked = await withRouter(async (router) => {
        const first = router.server.asked.length;
        await change(router);
        return router.server.asked.slice(first);
      });
    });

    const change = (router: Attempt, settings?: RouterSettings) =>
      wanted.length > 0 ? router.apply(wanted, old, settings) : router.clear(old, settings);

    async function withRouter<T>(work: (router: Attempt) => Promise<T>): Promise<T> {
      const opened = await open();
      try {
        await opened.bench.putOthers([nas]);
        const router = attemptOn(opened);
        await router.apply(old);
        return await work(router);
      } finally {
        await opened.server.close();
      }
    }

    /** The change, which `prepare` lets go wrong, and the run after it, once `repair` has done what the user must do. */
    const attempt = (number: number, prepare: (router: Attempt) => void, repair = noRepair, mustWork = false) =>
      withRouter(async (router) => {
        const others = await router.bench.others();
        prepare(router);
        const error = await change(router).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        router.server.recover();
        const now = await router.table();
        if (error === undefined) assert.equal(now, sorted(wanted), `request ${number}`);
        else check(error, now, { router, number });
        if (mustWork) assert.equal(error, undefined, `request ${number}`);
        assert.equal(await router.bench.others(), others, `request ${number}`);
        await change(router, await repair(router));
        assert.equal(await router.table(), sorted(wanted), `request ${number}`);
        assert.equal(await router.bench.others(), others, `request ${number}`);
      });

    function check(error: unknown, now: string, { router, number }: { router: Attempt; number: number }): void {
      assert.ok(error instanceof UserError, String((error as Error).stack));
      const { message } = error;
      const { settings, secrets } = router.bench;
      assert.ok("url" in settings && settings.url && message.includes(settings.url), message);
      assert.doesNotMatch(message, libraryWords);
      if (router.says) assert.match(message, router.says, `request ${number}`);
      for (const secret of secrets) assert.ok(!message.includes(secret), "the message has a secret");
      if (now !== sorted(old))
        assert.match(message, /run (?:up|the same command) again/i, `request ${number}:\n${now}`);
      if (/as they were before/.test(message)) assert.equal(now, sorted(old), `request ${number}`);
      const isWhole = [sorted(old), sorted(wanted)].includes(now);
      if (!isWhole) assert.match(message, /may be half changed/, `request ${number}:\n${now}`);
      if (!isWhole && router.isSafe) assert.fail(`request ${number}:\n${now}`);
    }

    describe("and that is never answered", () => {
      let unwatch: () => void;
      before(() => {
        unwatch = watchPatience();
      });
      after(() => unwatch());

      const patiently = (prepare: (router: Attempt, patience: Patience, number: number) => void) => {
        const one = (number: number) => (patience: Patience) => {
          const begin = (router: Attempt) => {
            router.says = /silent for \d+ s|isn't whole after \d+ s/;
            prepare(router, patience, number);
          };
          return attempt(number, begin, async ({ bench }) => {
            assert.ok(patience.lostMs <= longestMs, `request ${number}: waited for ${patience.lostMs} ms`);
            return bench.settings;
          });
        };
        return Promise.all(asked.map((_, number) => withPatience(one(number))));
      };

      for (const silence of silences)
        it(`(silent ${silence}): has a whole table, and the next run goes on from there`, () =>
          patiently((router, { end }, number) => {
            router.isSafe = true;
            router.server.fallSilentAt(number, silence, end);
          }));

      it("(silent from then on): is said to be, and the next run goes on from there", () =>
        patiently(({ server }, { end }, number) => server.beSilentFrom(number, end)));
    });

    for (const fault of faults)
      it(`(${fault}): has a whole table, and the next run goes on from there`, async () => {
        const prepare = (number: number) => (router: Attempt) => {
          router.isSafe = true;
          router.server.failAt(number, fault);
        };
        await Promise.all(asked.map((_, number) => attempt(number, prepare(number))));
      });

    /** Near the beginning, in the middle, and near the end, where a driver waits for the router. */
    const somewhere = (work: (number: number) => Promise<unknown>) => {
      const { length } = asked;
      return Promise.all(
        [...new Set([1, length >> 1, length - 4, length - 3, length - 2])].filter((one) => one >= 0).map(work),
      );
    };

    it("(slow): just works", () =>
      somewhere((number) => attempt(number, ({ server }) => server.failAt(number, "slow"), noRepair, true)));

    it("(another certificate from then on): is sent nothing more", () =>
      somewhere((number) => {
        let first = 0;
        let connections = 0;
        return attempt(
          number,
          ({ server }) => {
            first = server.asked.length;
            server.beforeAnswer(number, () => {
              connections = server.connections();
              return server.changeCertificate();
            });
          },
          async ({ server, bench }) => {
            assert.equal(server.asked.length, first + number + 1, "was sent more");
            // For the next request, the way back, and the end of a session.
            const tries = server.connections() - connections;
            assert.ok(tries <= 3, `request ${number}: was tried ${tries} times`);
            return { ...bench.settings, fingerprint: await server.changeCertificate() } as RouterSettings;
          },
        );
      }));

    it("(no login accepted from then on): is not sent a password again", () =>
      somewhere((number) => {
        let first = 0;
        return attempt(
          number,
          ({ server }) => {
            first = server.asked.length;
            server.beforeAnswer(number, () => server.deny(true));
          },
          async ({ server, bench }) => {
            const refused = server.asked.slice(first + number).filter(hasLogin(bench.secrets));
            assert.ok(refused.length <= 1, `request ${number}: ${refused.length} logins`);
            server.deny(false);
            return bench.settings;
          },
        );
      }));

    it("(session ended): logs in once more where the session was good for something, and just works", async function () {
      const { expire, bench } = await withRouter(async (router) => router);
      if (!expire) this.skip();
      const isLogin = ({ body }: Asked) => hasLogin(bench.secrets)({ headers: {}, body });
      // By HTTP's Digest, there is none: each request proves that somebody has the password.
      const begun = asked.findIndex(isLogin);
      await somewhere((number) => {
        const wasUsed = number > Math.max(begun, 0) + 1;
        let first = 0;
        return attempt(
          number,
          ({ server, expire: end }) => {
            first = server.asked.length;
            server.beforeAnswer(number, () => end?.());
          },
          async ({ server, bench }) => {
            const logins = server.asked.slice(first).filter(isLogin);
            assert.equal(logins.length, begun < 0 ? 0 : wasUsed ? 2 : 1, `request ${number}`);
            return bench.settings;
          },
          wasUsed,
        );
      });
    });
  });
}

interface Attempt extends Opened {
  /** What went wrong was over at once, so that the driver could put everything back. */
  isSafe: boolean;
  /** What a message must have, if anything. */
  says?: RegExp;
  apply(reservations: Reservation[], previous?: Reservation[], settings?: RouterSettings): Promise<unknown>;
  clear(reservations: Reservation[], settings?: RouterSettings): Promise<unknown>;
  table(): Promise<string>;
}

function attemptOn(opened: Opened): Attempt {
  const { bench } = opened;
  const router = (settings = bench.settings) =>
    openRouter(settings, { progress: silent, signal: new AbortController().signal });
  return {
    ...opened,
    isSafe: false,
    apply: (reservations, previous, settings) => router(settings).apply({ owner: "home", reservations, previous }),
    clear: (reservations, settings) => router(settings).clear({ owner: "home", reservations, previous: reservations }),
    table: async () => {
      try {
        return sorted((await bench.reserved()).filter(({ mac }) => mac !== nas.mac));
      } catch (error) {
        // Its server does not run with what it has stored.
        if (error instanceof assert.AssertionError) return error.message;
        throw error;
      }
    },
  };
}

const noRepair = async ({ bench }: Attempt): Promise<RouterSettings> => bench.settings;

/** Whether a request has a password or a key, or proves that somebody has one. */
const hasLogin =
  (secrets: readonly string[]) =>
  ({ headers, body }: Pick<Asked, "headers" | "body">): boolean =>
    headers.authorization !== undefined ||
    secrets.some((secret) => JSON.stringify([headers, body]).includes(JSON.stringify(secret).slice(1, -1)));
