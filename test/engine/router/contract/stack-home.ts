import assert from "node:assert/strict";
import { UserError } from "../../../../lib/errors.ts";
import { silent } from "../../../../lib/progress.ts";
import type { Reservation } from "../../../../steps/router/base/driver.ts";
import { openRouter, type RouterSettings } from "../../../../steps/router/catalogue.ts";

/** What the stack `home` does with its router, whose settings a test may change. */
export function stackHome(settings: (change: object) => RouterSettings) {
  const router = (change: object = {}, signal = new AbortController().signal) =>
    openRouter(settings(change), { progress: silent, signal });
  const apply = (reservations: Reservation[], previous?: Reservation[], change: object = {}) =>
    router(change).apply({ owner: "home", reservations, previous });
  return { router, apply };
}

/** Fails unless the work is refused in words for the user that match all of these; returns the words. */
export async function refused(work: Promise<unknown>, ...patterns: RegExp[]): Promise<string> {
  const error: unknown = await work.then(
    () => assert.fail("was not refused"),
    (reason) => reason,
  );
  assert.ok(error instanceof UserError, String(error instanceof Error ? error.stack : error));
  for (const pattern of patterns) assert.match(error.message, pattern);
  return error.message;
}
