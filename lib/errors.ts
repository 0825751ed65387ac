/**
 * A mistake that the user can mend: shown as its message alone, without a stack trace.
 * Say what is wrong, where, and what to do.
 */
export class UserError extends Error {
  override name = "UserError";
}

/** The user's ^C, ^D at a question, or an ordinary kill: what was half done has been undone, and nothing else is wrong. */
export class Interrupted extends UserError {
  override name = "Interrupted";

  constructor(message = "Interrupted.") {
    super(message);
  }
}

/** What to show of any thrown value: a UserError's message, and for everything else the stack that a bug report needs. */
export function describeError(error: unknown): string {
  if (error instanceof UserError) return error.message;
  if (error instanceof Error) return error.stack ?? error.message;
  return String(error);
}
