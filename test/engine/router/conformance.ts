import assert from "node:assert/strict";
import { UserError } from "../../../lib/errors.ts";
import { silent } from "../../../lib/progress.ts";
import type { Reservation } from "../../../steps/router/base/driver.ts";
import { reservationText as text } from "../../../steps/router/base/table.ts";
import { openRouter } from "../../../steps/router/catalogue.ts";
import { newSeed, type Random, randomFrom } from "../../random.ts";
import { type Bench, machine, nas } from "./bench.ts";
import { hearsNothing } from "./contract/stranger.ts";
import { serviceCases } from "./service-cases.ts";

const [pi1, pi2, pi3, pi4] = [machine(1), machine(2), machine(3), machine(4)] as const;
const swapped = [machine(1, { ip: pi2.ip }), machine(2, { ip: pi1.ip })] as const;
const sorted = (table: readonly Reservation[]) => table.map(text).sort();

/** Some of five machines, each with any of their names and addresses: one after another, they swap, come and go. */
function randomTable(random: Random): Reservation[] {
  const machines = [1, 2, 3, 4, 5].map((number) => machine(number));
  const [names, ips] = [shuffled(machines, random), shuffled(machines, random)];
  const table = machines.map(({ mac }, index) => ({
    name: names[index]?.name ?? "",
    mac,
    ip: ips[index]?.ip ?? "",
  }));
  return shuffled(table, random).slice(0, 1 + random.below(5));
}

function shuffled<T>(items: readonly T[], { below }: Random): T[] {
  const rest = [...items];
  return items.flatMap(() => rest.splice(below(rest.length), 1));
}

/** What holds for every router that piinit drives. `open` starts one, or skips the suite where that can't be. */
export function conformance(title: string, open: (context: Mocha.Context) => Promise<Bench>): void {
  describe(`${title}, as every router`, function () {
    this.timeout(120_000);
    let bench: Bench;
    /** Asked when a lease is put: an hour of other tests may lie between the reading of this file and its run. */
    const expires = () => Math.floor(Date.now() / 1000) + 3000;

    const router = (settings = bench.settings, signal = new AbortController().signal) =>
      openRouter(settings, { progress: silent, signal });
    /** What `up` of a stack does after its table was `previous`. */
    const apply = (reservations: readonly Reservation[], previous?: readonly Reservation[], owner = "home") =>
      router().apply({ owner, reservations, previous });
    const clear = (reservations: readonly Reservation[], owner = "home") =>
      router().clear({ owner, reservations, previous: reservations });
    const refusal = async (work: Promise<unknown>, ...patterns: RegExp[]) => {
      const error: Error = await work.then(
        () => assert.fail("was not refused"),
        (reason) => reason,
      );
      assert.ok(error instanceof UserError, String(error.stack));
      for (const pattern of patterns) assert.match(error.message, pattern);
      for (const secret of bench.secrets) assert.ok(!error.message.includes(secret), "the message has a secret");
    };
    const has = async (...table: Reservation[]) => assert.deepEqual(sorted(await bench.reserved()), sorted(table));
    const served = async (...table: Reservation[]) => {
      for (const { mac, ip, name } of table)
        if (bench.askForLease) assert.deepEqual(await bench.askForLease(mac), { ip, hostname: name }, name);
    };
    /** Not more than one login and one reload were needed since the last time. */
    const cheap = async () => {
      const { logins, reloads = 0 } = await bench.cost();
      assert.ok(logins <= 1 && reloads <= 1, `${logins} logins, ${reloads} reloads`);
    };

    before(async function () {
      bench = await open(this);
    });
    beforeEach(async () => {
      await bench.reset();
      await bench.cost();
    });
    after(() => bench?.close());

    it("gets a table in one login and one reload, and serves it", async () => {
      assert.deepEqual((await apply([pi1, pi2])).slice(0, 2), [`+ ${text(pi1)}`, `+ ${text(pi2)}`]);
      await cheap();
      await has(pi1, pi2);
      await served(pi1, pi2);
    });

    it("stays as it is when the table is there, whether or not the state knows it", async () => {
      await apply([pi1, pi2]);
      for (const previous of [undefined, [pi1, pi2]])
        assert.equal((await apply([pi1, pi2], previous))[0], "= 2 unchanged");
      await has(pi1, pi2);
    });

    it("takes new names, addresses and boards, additions and removals as one change", async () => {
      const before = [pi1, pi2, pi3];
      await apply(before);
      await bench.cost();
      const after = [machine(1, { name: "neo" }), machine(2, { ip: "192.168.2.62" }), machine(3, { mac: pi4.mac })];
      const added = machine(5);
      assert.deepEqual((await apply([...after, added], before)).slice(0, 4), [
        `+ ${text(added)}`,
        `~ neo: ${pi1.mac} → ${pi1.ip} (was pi1)`,
        `~ pi2: ${pi2.mac} → 192.168.2.62 (was ${pi2.ip})`,
        `~ pi3: ${pi4.mac} → ${pi3.ip} (was ${pi3.mac})`,
      ]);
      await cheap();
      await has(...after, added);
      await served(...after, added);
      assert.ok((await apply([machine(1, { name: "neo" })], [...after, added])).includes(`- ${text(added)}`));
      await has(machine(1, { name: "neo" }));
    });

    it("lets machines exchange addresses, names and MACs", async () => {
      await apply([pi1, pi2]);
      await apply(swapped, [pi1, pi2]);
      await has(...swapped);
      const names = [machine(1, { name: "pi2" }), machine(2, { name: "pi1" })];
      await apply(names, swapped);
      await has(...names);
      await bench.cost();
      await apply([pi1, pi2], names);
      await cheap();
      await has(pi1, pi2);
      await served(pi1, pi2);
    });

    const seed = Number(process.env.SEED ?? newSeed());
    it(`keeps entries of others byte for byte, whatever the stack and they do (SEED=${seed})`, async () => {
      const random = randomFrom(seed);
      await bench.putOddOthers(random);
      await bench.putOthers([nas]);
      let others = await bench.others();
      let last: readonly Reservation[] | undefined;
      for (let step = 0; step < 4; step++) {
        const table = randomTable(random);
        await apply(table, last);
        assert.equal(await bench.others(), others, `step ${step}`);
        const now = sorted(await bench.reserved());
        for (const one of sorted(table)) assert.ok(now.includes(one), `step ${step} lacks ${one}`);
        last = table;
        if (random.below(3) > 0) continue;
        await bench.putOthers([{ name: `y${step}`, mac: `06:00:00:00:00:0${step}`, ip: `192.168.2.${20 + step}` }]);
        others = await bench.others();
      }
      await clear(last ?? []);
      assert.equal(await bench.others(), others);
    });

    it("adopts an identical entry of somebody else, and removes it only where it can't know whose it is", async () => {
      await bench.putOthers([pi1]);
      const before = await bench.others();
      assert.ok((await apply([pi1, pi2])).includes("= 1 unchanged"));
      await has(pi1, pi2);
      assert.equal(await bench.others(), before);
      await clear([pi1, pi2]);
      await (bench.marksOwners ? has(pi1) : has());
    });

    it("refuses what contradicts entries of others, all at once and by name, and changes nothing", async () => {
      await apply([pi1]);
      const address = { ...nas, ip: pi2.ip };
      const mac = { name: "old", mac: pi3.mac, ip: "192.168.2.178" };
      const name = { name: pi4.name, mac: "b8:27:eb:00:01:79", ip: "192.168.2.179" };
      await bench.putOthers([address, mac, name]);
      await refusal(
        apply([pi1, pi2, pi3, pi4], [pi1]),
        /Nothing was changed/,
        new RegExp(`${text(pi2)}: ${pi2.ip} belongs to ${nas.mac} in `),
        new RegExp(`${text(pi3)}: ${pi3.mac} has another entry in `),
        new RegExp(`${text(pi4)}: the name pi4 belongs to ${name.mac} in `),
      );
      await has(pi1, address, mac, name);
    });

    it("removes what is the stack's, and is content when that is gone", async () => {
      await bench.putOthers([nas]);
      await apply([pi1, pi2]);
      await bench.cost();
      await clear([pi1, pi2]);
      await cheap();
      await has(nas);
      await clear([pi1, pi2]);
      await has(nas);
    });

    it("keeps the tables of two stacks apart", async () => {
      await apply([pi1], undefined, "home");
      await apply([pi2], undefined, "garage");
      await refusal(apply([pi2, machine(3, { ip: pi1.ip })], [pi2], "garage"), /192\.168\.2\.51 belongs to/);
      await has(pi1, pi2);
      await clear([pi1], "home");
      await has(pi2);
    });

    it("goes on after a change whose answer got lost", async () => {
      await apply([pi1, pi2]);
      await apply([machine(1, { mac: pi3.mac }), machine(2, { ip: "192.168.2.62" })], [pi1, pi2]);
      const mended = [machine(1, { mac: pi4.mac }), machine(2, { ip: "192.168.2.63" })];
      await apply(mended, [pi1, pi2]);
      await has(...mended);
    });

    it("refuses to take over a table of its name that has other machines, unless the state knows them", async function () {
      if (!bench.marksOwners) this.skip();
      await apply([pi1, pi2]);
      await refusal(apply([pi1]), /machines that stack home does not have/, /pi2: /);
      await has(pi1, pi2);
      await apply([pi1], [pi1, pi2]);
      await has(pi1);
    });

    it("tells in one login which reservations are gone or different", async () => {
      await apply([pi1, pi2]);
      await bench.cost();
      assert.deepEqual(await router().lost([pi1, pi2]), []);
      await cheap();
      const gone = [pi3, machine(2, { ip: "192.168.2.62" })];
      assert.deepEqual(await router().lost([pi1, ...gone]), gone);
    });

    it("tells its current leases, and which of them are reserved", async () => {
      await apply([pi1]);
      await bench.putLease({ ...pi1, expires: expires() });
      await bench.putLease({ name: "tv", mac: nas.mac, ip: "192.168.2.203", expires: expires() });
      await bench.putLease({ name: "gone", mac: "b8:27:eb:00:01:78", ip: "192.168.2.204", expires: 1_700_000_000 });
      const leases = await router().leases();
      const told = leases?.map(({ mac, ip, name, isReserved }) => [mac, ip, name, isReserved].join(" "));
      assert.deepEqual(told?.sort(), [`${pi1.mac} ${pi1.ip} pi1 true`, `${nas.mac} 192.168.2.203 tv false`]);
    });

    serviceCases({ bench: () => bench, router: () => router(), apply, has, refusal });

    it("names a live lease in the way, and a machine's own old one", async () => {
      await bench.putLease({ ...pi2, mac: nas.mac, name: "nas", expires: expires() });
      await bench.putLease({ ...pi1, ip: "192.168.2.201", expires: expires() });
      const told = (await apply([pi1, pi2])).join("\n");
      assert.match(told, /192\.168\.2\.52 is still leased to b8:27:eb:00:01:77/);
      assert.match(told, /pi1 still has 192\.168\.2\.201 until its lease ends/);
    });

    it("has the old table or the new when it is interrupted, and goes on from there", async () => {
      await apply([pi1, pi2]);
      for (const delay of [0, 30, 60, 120, 180, 240, 300, 400]) {
        const table = { owner: "home", reservations: swapped, previous: [pi1, pi2] };
        await router(bench.settings, AbortSignal.timeout(delay))
          .apply(table)
          .catch((error: Error) => assert.match(error.message, /interrupted/));
        const now = sorted(await bench.reserved());
        assert.ok(
          [sorted([pi1, pi2]), sorted(swapped)].some((one) => one.join() === now.join()),
          now.join(),
        );
      }
      await apply(swapped, [pi1, pi2]);
      await has(...swapped);
      await served(...swapped);
    });

    it("takes 140 reservations at once", async () => {
      const many = Array.from({ length: 140 }, (_, index) => machine(index + 1, { ip: `192.168.2.${index + 10}` }));
      await apply(many);
      await cheap();
      await has(...many);
      assert.equal((await apply(many, many))[0], "= 140 unchanged");
    });

    it("sends nothing but a handshake to a peer whose certificate isn't the pinned one", async function () {
      if (!("url" in bench.settings)) this.skip();
      await hearsNothing(bench.settings, async (settings, says) => {
        const table = { owner: "home", reservations: [pi1], previous: [pi1] };
        await refusal(router(settings).apply(table), says);
        await refusal(router(settings).lost([pi1]), says);
        await refusal(router(settings).leases(), says);
        await refusal(router(settings).clear(table), says);
      });
    });

    it("says what is wrong with its settings, once, and changes nothing", async () => {
      await bench.cost();
      for (const { what, settings, says } of bench.broken) {
        await refusal(router(settings).apply({ owner: "home", reservations: [pi1], previous: undefined }), says);
        assert.ok((await bench.cost()).logins <= 1, `${what}: logged in more than once`);
        await has();
      }
    });
  });
}
