import assert from "node:assert/strict";
import { UserError } from "../../../../lib/errors.ts";
import { silent } from "../../../../lib/progress.ts";
import type { Reservation } from "../../../../steps/router/base/driver.ts";
import { openRouter, type RouterSettings } from "../../../../steps/router/catalogue.ts";

/** What the stack `home` does with its router, whose settings a test may change. */
export function stackHome(settings: (change: object) => RouterSettings) {
  const router = (change: object = {}) =>
    openRouter(settings(change), { progress: silent, signal: new AbortController().signal });
  const apply = (reservations: Reservation[], previous?: Reservation[], change: object = {}) =>
    router(change).apply({ owner: "home", reservations, previous });
  return { router, apply };
}

/** Fails unless the work is refused in words for the user. */
export const refused = (work: Promise<unknown>, pattern: RegExp) =>
  assert.rejects(work, (error) => error instanceof UserError && pattern.test(error.message));
