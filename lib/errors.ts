/**
 * A mistake that the user can mend: shown as its message alone, without a stack trace.
 * Say what is wrong, where, and what to do.
 */
export class UserError extends Error {
  override name = "UserError";
}

/** What to show of any thrown value: a UserError's message, and for everything else the stack that a bug report needs. */
export function describeError(error: unknown): string {
  if (error instanceof UserError) return error.message;
  if (error instanceof Error) return error.stack ?? error.message;
  return String(error);
}
