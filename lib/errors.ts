import { printable } from "./words.ts";

/**
 * A problem that the user can fix: shown as its message only, without a stack trace.
 * Say what is wrong, where, and what to do.
 */
export class UserError extends Error {
  override name = "UserError";
}

/** The user's ^C, ^D at a question, or a plain kill: unfinished work has been undone, and nothing else is wrong. */
export class Interrupted extends UserError {
  override name = "Interrupted";

  constructor(message = "Interrupted.") {
    super(message);
  }
}

/** How to show any thrown value: a UserError by its message, everything else with the stack that a bug report needs. */
export function describeError(error: unknown): string {
  const text = error instanceof UserError ? error.message : error instanceof Error ? error.stack : undefined;
  // A message may quote a router or a server that is broken, or hostile.
  return printable(text ?? String(error));
}
