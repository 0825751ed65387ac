import assert from "node:assert/strict";
import { UserError } from "../../../lib/errors.ts";
import { silent } from "../../../lib/progress.ts";
import type { Reservation } from "../../../steps/router/base/driver.ts";
import { reservationText } from "../../../steps/router/base/table.ts";
import { openRouter } from "../../../steps/router/catalogue.ts";
import { type Bench, machine, nas } from "./bench.ts";
import { libraryWords } from "./contract/faults.ts";
import { type Folder, hold } from "./hold.ts";
import type { Place, Relay, SshFault } from "./relay.ts";

/** A real router whose sessions pass a relay. */
export interface SshRouter {
  relay: Relay;
  bench: Bench;
  /** Where the programs are that the script that changes something, or that removes all, calls, and some of these. */
  folder: Folder;
  programs: Readonly<Record<"apply" | "clear", readonly string[]>>;
  /** What it would have after a restart, if that may be something else. */
  kept?(): Promise<Reservation[]>;
  /** Files of ours that must not stay. */
  leftovers(): Promise<readonly string[]>;
  /** Other faults of such a router: each begins, and returns what ends it. */
  faults: Readonly<Record<string, () => Promise<() => Promise<void>>>>;
  /** What is there after the router has lost its power, if that isn't what there was before. */
  restart?(): Promise<void>;
}

const old = [machine(1), machine(2), machine(3)];
const changed = [machine(1, { ip: machine(2).ip }), machine(2, { ip: machine(1).ip }), machine(4)];
const sorted = (table: readonly Reservation[]) => table.map(reservationText).sort().join("\n");

/** Which faults happen to which script: the first one that looks, the one that changes something, the one after it. */
const table: readonly (readonly [SshFault, ...Place[]])[] = [
  ["cut before", "look", "next"],
  ["cut as it arrives", "change"],
  ["cut as it runs", "change"],
  ["cut after", "change"],
  ["truncated", "look", "next"],
  ["failure before", "change", "next"],
  ["failure after", "change"],
  ["rubbish", "look", "next"],
  ["silent", "change"],
];

/** Not alike for a change and the removal of all: to look comes first in both, and silence ends in the same way. */
const isOfItsOwn = (fault: SshFault, place: Place) => place !== "look" && fault !== "silent";

/**
 * Lets each fault happen to a real router that is driven over SSH, while its table changes and while that is removed: the
 * router has the old table or the new, nothing half written stays, others keep their entries, and the next run goes on.
 */
export function sshFaultCases(title: string, open: (context: Mocha.Context) => Promise<SshRouter>): void {
  for (const verb of ["apply", "clear"] as const)
    describe(`${title}, when something goes wrong while it ${verb === "apply" ? "changes" : "is cleared"}`, function () {
      this.timeout(300_000);
      const wanted = verb === "apply" ? changed : [];
      let router: SshRouter;

      const opened = () =>
        openRouter(router.bench.settings, { progress: silent, signal: new AbortController().signal });
      const apply = (reservations: Reservation[], previous?: Reservation[]) =>
        opened().apply({ owner: "home", reservations, previous });
      const change = () =>
        verb === "apply" ? apply(wanted, old) : opened().clear({ owner: "home", reservations: old, previous: old });
      const withoutNas = (all: readonly Reservation[] = []) => sorted(all.filter(({ mac }) => mac !== nas.mac));
      const reserved = async () => withoutNas(await router.bench.reserved());
      const kept = async () => withoutNas(await router.kept?.());
      const begin = async () => {
        await router.bench.reset();
        await router.bench.putOthers([nas]);
        await apply(old);
      };

      before(async function () {
        router = await open(this);
      });
      after(async () => {
        await router?.bench.close();
        await router?.relay.close();
      });

      /** `prepare` begins a fault, and returns what ends it. */
      async function attempt(
        prepare: () => unknown,
        finish: () => Promise<unknown> = noEnd,
        mayLeave = false,
      ): Promise<unknown> {
        await begin();
        const others = await router.bench.others();
        await prepare();
        const error = await change().then(
          () => undefined,
          (reason: unknown) => reason,
        );
        // What came too early for it must not happen to the next run instead.
        router.relay.disarm();
        await finish();
        await router.relay.settled();
        const now = await reserved();
        if (error === undefined) assert.equal(now, sorted(wanted));
        else await check(error, now);
        assert.equal(await router.bench.others(), others);
        if (!mayLeave) assert.deepEqual(await router.leftovers(), []);
        await change();
        assert.equal(await reserved(), sorted(wanted));
        if (router.kept) assert.equal(await kept(), sorted(wanted));
        assert.equal(await router.bench.others(), others);
        assert.deepEqual(await router.leftovers(), []);
        await served();
        return error;
      }

      async function check(error: unknown, now: string): Promise<void> {
        assert.ok(error instanceof UserError, String((error as Error).stack));
        const { message } = error;
        assert.match(message, /127\.0\.0\.1/);
        assert.doesNotMatch(message, libraryWords);
        assert.doesNotMatch(message, /[^\P{C}\n]/u, "a control character");
        assert.ok([sorted(old), sorted(wanted)].includes(now), `${message}\n${now}`);
        if (now !== sorted(old)) assert.match(message, /run (?:up|the same command) again/i);
        if (!/as they were before/.test(message)) return;
        assert.equal(now, sorted(old), message);
        if (router.kept) assert.equal(await kept(), sorted(old), message);
      }

      async function served(): Promise<void> {
        const { mac } = machine(1);
        const { ip, hostname } = (await router.bench.askForLease?.(mac)) ?? assert.fail("serves nobody");
        const [mine] = wanted;
        if (mine) assert.deepEqual({ ip, hostname }, { ip: mine.ip, hostname: mine.name });
        else assert.match(ip, /^192\.168\.2\.2\d\d$/);
      }

      for (const [fault, ...places] of table)
        for (const place of places.filter((one) => verb === "apply" || isOfItsOwn(fault, one)))
          it(`(${fault}: ${places.length > 1 || place !== "change" ? place : "the change"}): goes on from a whole table`, async () => {
            const error = await attempt(
              () => router.relay.failAt(place, fault),
              // A silent connection would stay.
              async () => fault === "silent" && router.relay.cut(),
            );
            if (fault !== "rubbish") assert.ok(error, "was not noticed");
          });

      it("(slow): just works", async () => {
        assert.equal(await attempt(() => router.relay.failAt("change", "slow")), undefined);
      });

      for (const what of ["cut", "powerOff"] as const)
        it(`(${what === "cut" ? "cut" : "no power"} in the middle of a change): goes on from a whole table`, async () => {
          for (const program of router.programs[verb]) {
            let ending: Promise<void> | undefined;
            const breakThere = async () => {
              const held = await hold(router.folder, program);
              ending = held.reached().then(async () => {
                router.relay[what]();
                await held.release();
              });
            };
            await attempt(
              () => router.relay.beforeChange(breakThere),
              async () => {
                await (ending ?? assert.fail("the script that changes something was not reached"));
                if (what === "cut") return;
                await router.relay.settled();
                await router.restart?.();
              },
              what === "powerOff",
            );
          }
        });

      it("(other faults of such a router): goes on from a whole table", async () => {
        for (const fault of Object.values(router.faults)) {
          let end = noEnd;
          await attempt(
            async () => {
              end = await fault();
            },
            () => end(),
          );
        }
      });
    });
}

const noEnd = async (): Promise<void> => undefined;
