import assert from "node:assert/strict";
import { renewing } from "../../../steps/router/base/session.ts";

describe("a router's session", () => {
  const ended = new Error("ended");
  /** Sessions are numbers; those in `dead` are not accepted. */
  const start = (dead: Set<number>) => {
    let logins = 1;
    const begin = async () => ++logins;
    const sessions = renewing(1, begin, (error) => error === ended);
    const ask = () =>
      sessions.use(async (session) => {
        if (dead.has(session)) throw ended;
        return session;
      });
    return { ask, logins: () => logins, current: sessions.current };
  };

  it("is exchanged for another one when it has ended, and that one is not", async () => {
    const dead = new Set<number>();
    const { ask, logins, current } = start(dead);
    assert.equal(await ask(), 1);
    dead.add(1);
    assert.deepEqual([await ask(), await ask(), current()], [2, 2, 2]);
    dead.add(2);
    for (const _ of [1, 2]) await assert.rejects(ask(), ended);
    assert.equal(logins(), 2);
  });

  it("is not exchanged if it was good for nothing, or for another refusal", async () => {
    const { ask, logins } = start(new Set([1]));
    for (const _ of [1, 2]) await assert.rejects(ask(), ended);
    assert.equal(logins(), 1);
    const sessions = renewing(
      1,
      () => assert.fail("logs in again"),
      (error) => error === ended,
    );
    await sessions.use(async () => "proven");
    await assert.rejects(
      sessions.use(() => Promise.reject(new Error("no right"))),
      /no right/,
    );
  });

  it("is not asked for again after a login was refused", async () => {
    let tries = 0;
    const begin = () => Promise.reject(new Error(`refused ${++tries}`));
    const sessions = renewing(1, begin, (error) => error === ended);
    await sessions.use(async () => "proven");
    await assert.rejects(
      sessions.use(() => Promise.reject(ended)),
      /refused 1/,
    );
    await assert.rejects(
      sessions.use(() => Promise.reject(ended)),
      ended,
    );
    assert.equal(tries, 1);
  });
});
