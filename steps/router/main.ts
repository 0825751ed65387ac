import type { Context } from "../../lib/program.ts";
import { runStep } from "../run-step.ts";
import { openRouter } from "./catalogue.ts";
import { routerStep } from "./contract.ts";

function showLines(lines: readonly string[], { progress }: Context): void {
  for (const line of lines) progress.step(line);
}

await runStep(routerStep, {
  async apply({ router: settings, owner, reservations, cidr }, context, last) {
    const router = openRouter(settings, context);
    const previous = last?.router === router.title ? last.reservations : undefined;
    showLines(await router.apply({ owner, reservations, previous, cidr }), context);
    if (last && previous === undefined)
      showLines([`the router was ${last.router} before: what this stack has reserved there stays`], context);
    return { router: router.title, reservations };
  },
  async clear({ router, owner, reservations }, context) {
    showLines(await openRouter(router, context).clear({ owner, reservations, previous: reservations }), context);
  },
  async release({ router, reservation }, context) {
    showLines(await openRouter(router, context).release(reservation), context);
  },
});
