import assert from "node:assert/strict";
import { checkRouter } from "../../../cli/doctor/router.ts";
import type { Reservation } from "../../../steps/router/base/driver.ts";
import type { Router } from "../../../steps/router/catalogue.ts";
import { type Bench, machine, nas } from "./bench.ts";

const [pi1, pi2] = [machine(1), machine(2)] as const;

/** The suite that these are a part of. */
interface Suite {
  bench(): Bench;
  router(): Router;
  apply(reservations: readonly Reservation[], previous?: readonly Reservation[]): Promise<string[]>;
  /** Exactly this is reserved. */
  has(...table: Reservation[]): Promise<void>;
  refusal(work: Promise<unknown>, ...patterns: RegExp[]): Promise<void>;
}

/** What a router tells of its DHCP server, to `doctor` and before a change. */
export function serviceCases({ bench, router, apply, has, refusal }: Suite): void {
  const doctor = (machines: readonly Reservation[], cidr = "192.168.2.0/24") =>
    checkRouter({ lab: undefined, network: { cidr, router: bench().settings }, machines }, "home");

  it("is compared with the stack by doctor, which logs in once and changes nothing", async () => {
    await apply([pi1]);
    await bench().cost();
    const told = await doctor([pi1, pi2]);
    assert.match(told, /answers, \d+ leases?; 1 of 2 reservations are there; `up` makes pi2: /);
    assert.match(told, /it serves .*192\.168\.2\..*any machine gets one of .*192\.168\.2\.200 to 192\.168\.2\.250/);
    // Its own entry for a machine is no contradiction.
    assert.match(await doctor([machine(1, { ip: pi2.ip })]), /0 of 1 reservations/);
    const { logins } = await bench().cost();
    assert.ok(logins <= 2, `${logins} logins`);
    await has(pi1);
  });

  it("is said to contradict the stack by doctor, too, in entries of others", async () => {
    await bench().putOthers([{ ...nas, ip: pi2.ip }]);
    await refusal(
      doctor([pi1, pi2]),
      /answers, but:\n {2}.*contradicts this stack: pi2: .*belongs to b8:27:eb:00:01:77/,
    );
  });

  it("refuses addresses of networks that it does not serve before anything is written, in doctor's words", async () => {
    const [away, cidr] = [machine(2, { ip: "10.77.0.52" }), "10.77.0.0/24"];
    const says = /it gives out addresses in .*192\.168\.2\..*, and these are not in there: pi2: \S+ → 10\.77\.0\.52\./;
    for (const table of [[away], [pi1, away]])
      await refusal(
        router().apply({ owner: "home", reservations: table, previous: undefined, cidr: "192.168.2.0/24" }),
        /^Nothing was changed on /,
        says,
      );
    await refusal(router().apply({ owner: "home", reservations: [away], previous: undefined, cidr }), says);
    await has();
    await refusal(doctor([pi1, away]), /answers, but:\n/, says);
    await refusal(
      doctor([away], cidr),
      /it serves .*192\.168\.2\..*, and the stack's network is 10\.77\.0\.0\/24: set `cidr`/,
    );
  });

  it("is told by doctor that its login may only look, and is not changed by up", async function () {
    const { forbidWriting, putOthers, others, cost } = bench();
    if (!forbidWriting) this.skip();
    await putOthers([nas]);
    await apply([pi1]);
    const before = await others();
    await cost();
    const says = await forbidWriting();
    await refusal(doctor([pi1, pi2]), /answers, but:\n {2}it lets this login change nothing: \S/);
    const { logins } = await cost();
    assert.ok(logins <= 1, `${logins} logins`);
    await refusal(apply([pi1, pi2], [pi1]), says);
    await has(nas, pi1);
    assert.equal(await others(), before);
  });

  it("is not given a table while its DHCP server is off, and every command says so in the same words", async () => {
    await apply([pi1]);
    await bench().turnOff();
    const says = /gives out no addresses: .*, or set /;
    await refusal(apply([pi1, pi2], [pi1]), /^Nothing was changed on .*:\n {2}it /, says);
    await refusal(router().lost([pi1]), says);
    await refusal(router().leases(), says);
    await refusal(doctor([pi1]), /answers, but:\n {2}it /, says);
  });
}
