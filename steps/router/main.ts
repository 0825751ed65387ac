import { type Context, main } from "../../lib/program.ts";
import { openRouter } from "./drivers.ts";
import { type Applied, applied, applyInput, check, clearInput, releaseInput } from "./input.ts";

/** What the last run for this table answered; Pulumi hands it over when it updates a step. */
function lastAnswer(): Applied | undefined {
  const text = process.env.PULUMI_COMMAND_STDOUT;
  return text ? check(applied, JSON.parse(text)) : undefined;
}

function tell(lines: readonly string[], { progress }: Context): void {
  for (const line of lines) progress.step(line);
}

await main({
  async apply(input, context): Promise<Applied> {
    const { router: settings, owner, reservations } = check(applyInput, input);
    const router = openRouter(settings, context);
    const last = lastAnswer();
    const previous = last?.router === router.title ? last.reservations : undefined;
    tell(await router.apply({ owner, reservations, previous }), context);
    if (last && previous === undefined)
      tell([`the router was ${last.router} before: what this stack has reserved there stays`], context);
    return { router: router.title, reservations };
  },
  async clear(input, context) {
    const { router, owner, reservations } = check(clearInput, input);
    tell(await openRouter(router, context).clear({ owner, reservations, previous: reservations }), context);
  },
  /** What the state of an earlier piinit, which had a step for each machine, asks for when it lets go of one. */
  async release(input, context) {
    const { router, reservation } = check(releaseInput, input);
    tell(await openRouter(router, context).release(reservation), context);
  },
});
