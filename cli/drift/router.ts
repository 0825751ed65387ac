import { isDeepStrictEqual } from "node:util";
import type { Settings } from "../../components/schema/stack.ts";
import { UserError } from "../../lib/errors.ts";
import { silent } from "../../lib/progress.ts";
import { interrupted } from "../../lib/terminal.ts";
import type { Reservation } from "../../steps/router/base/driver.ts";
import { reservationText } from "../../steps/router/base/table.ts";
import { NotLetIn } from "../../steps/router/base/web.ts";
import { openRouter, type RouterSettings } from "../../steps/router/catalogue.ts";
import { routerStep } from "../../steps/router/contract.ts";
import type { StackState } from "../stack/state.ts";
import { storedSteps } from "../stack/steps.ts";
import type { Findings } from "./correction.ts";

/** What was found on the router. */
export interface RouterFindings extends Findings {
  /** Another look would find nothing else: it was asked, or refuses the login, or its step is about to look itself. */
  isSettled: boolean;
}

/** What the step was given last. */
interface Stored {
  owner: string;
  router: RouterSettings;
  reservations: readonly Reservation[];
  cidr?: string | undefined;
}

/** What the settings have for the router's step. */
export type Wanted = Pick<Settings, "lab" | "machines"> & {
  network: Pick<Settings["network"], "cidr" | "router">;
};

/**
 * Finds reservations that are gone from the router, or are different there. A router whose step runs anyway, because the
 * settings are no longer those of the state, is not asked: its step looks itself, and routers count logins.
 */
export async function routerDrift(
  state: StackState,
  wanted?: Wanted,
  signal: AbortSignal = interrupted,
): Promise<RouterFindings> {
  const found: RouterFindings = { corrections: [], unknown: [], isSettled: true };
  for (const { urn, input } of storedSteps(state, routerStep, "apply")) {
    if (wanted && isChanged(input, wanted)) continue;
    const router = openRouter(input.router, { progress: silent, signal });
    try {
      const remedy = router.isByHand ? "up says what to enter there" : "up reserves it again";
      for (const lost of await router.lost(input.reservations))
        found.corrections.push({ urn, reason: `${router.title} lacks ${reservationText(lost)}: ${remedy}` });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof UserError)) throw error;
      found.unknown.push(`the reservations on ${router.title} could not be checked: ${error.message}`);
      found.isSettled = error instanceof NotLetIn;
    }
  }
  return found;
}

/** Looks at the router while `work` is done; what that has not waited for is given up when it ends. */
export async function lookingAtRouter<T>(
  state: StackState,
  wanted: Wanted,
  work: (found: Promise<RouterFindings>) => Promise<T>,
): Promise<T> {
  const end = new AbortController();
  const found = routerDrift(state, wanted, AbortSignal.any([interrupted, end.signal]));
  found.catch(() => {}); // For whoever waits for it.
  try {
    return await work(found);
  } finally {
    end.abort(new Error("nobody waits for the router"));
  }
}

/** A lab's router isn't in its settings, and counts nothing. */
function isChanged(stored: Stored, { lab, network: { cidr, router }, machines }: Wanted): boolean {
  if (lab) return false;
  const reservations = machines.map(({ name, mac, ip }) => ({ name, mac, ip }));
  return !isDeepStrictEqual(stored, { owner: stored.owner, router, reservations, cidr });
}
