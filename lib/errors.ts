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
  if (error instanceof UserError) return error.message;
  if (error instanceof Error) return error.stack ?? error.message;
  return String(error);
}
