import { UserError } from "../../lib/errors.ts";
import { silent } from "../../lib/progress.ts";
import { interrupted } from "../../lib/terminal.ts";
import { reservationText } from "../../steps/router/base/table.ts";
import { openRouter } from "../../steps/router/catalogue.ts";
import { routerStep } from "../../steps/router/contract.ts";
import type { StackState } from "../stack/state.ts";
import { storedSteps } from "../stack/steps.ts";
import type { Found } from "./correction.ts";

/** Finds reservations that are gone from the router, or are different there. */
export async function routerDrift(state: StackState): Promise<Found> {
  const found: Found = { corrections: [], unknown: [] };
  for (const { urn, input } of storedSteps(state, routerStep, "apply")) {
    const router = openRouter(input.router, { progress: silent, signal: interrupted });
    try {
      const remedy = router.isByHand ? "up says what to enter there" : "up reserves it again";
      for (const lost of await router.lost(input.reservations))
        found.corrections.push({ urn, reason: `${router.title} lacks ${reservationText(lost)}: ${remedy}` });
    } catch (error) {
      interrupted.throwIfAborted();
      if (!(error instanceof UserError)) throw error;
      found.unknown.push(`the reservations on ${router.title} could not be checked: ${error.message}`);
    }
  }
  return found;
}
