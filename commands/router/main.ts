import type { Context } from "../../lib/program.ts";
import { main } from "../../lib/program.ts";
import { dnsmasqRouter } from "./dnsmasq.ts";
import { check, leasesInput, releaseInput, reserveInput } from "./input.ts";
import { manualRouter } from "./manual.ts";
import { describe } from "./plan.ts";
import type { Router, RouterSettings } from "./router.ts";

/** The driver for a router's kind. */
function routerFor(settings: RouterSettings, { signal }: Context): Router {
  return settings.kind === "dnsmasq" ? dnsmasqRouter(settings, signal) : manualRouter();
}

/** What `reserve` and `release` answer: what the user should know, if anything. */
function answer(done: string, note: string | undefined, { progress }: Context): { note?: string } {
  progress.step(note ? `${done}; ${note}` : done);
  return note ? { note } : {};
}

await main({
  async reserve(input, context) {
    const { router, reservation, previous } = check(reserveInput, input);
    const note = await routerFor(router, context).reserve(reservation, previous);
    return answer(`${router.kind === "manual" ? "to reserve" : "reserved"} ${describe(reservation)}`, note, context);
  },
  async release(input, context) {
    const { router, reservation } = check(releaseInput, input);
    const note = await routerFor(router, context).release(reservation);
    return answer(`released ${describe(reservation)}`, note, context);
  },
  async leases(input, context) {
    return await routerFor(check(leasesInput, input).router, context).leases();
  },
});
