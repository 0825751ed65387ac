/** What a router gives at a login for the requests after it, and another one when it has ended early. */
export interface Sessions<S> {
  current(): S;
  /** Asks something with the session. */
  use<T>(work: (session: S) => Promise<T>): Promise<T>;
}

/**
 * Logs in once more (`begin`) when a session in which something was answered is accepted no more, as after a restart of the
 * router, and asks again what was not answered. Only once, and never for a session that was good for nothing, because
 * routers count logins.
 */
export function renewing<S>(begun: S, begin: () => Promise<S>, hasEnded: (error: unknown) => boolean): Sessions<S> {
  let session = begun;
  let isProven = false;
  let isRenewed = false;
  return {
    current: () => session,
    async use(work) {
      try {
        const answer = await work(session);
        isProven = true;
        return answer;
      } catch (error) {
        if (!isProven || isRenewed || !hasEnded(error)) throw error;
        isRenewed = true;
        session = await begin();
        return work(session);
      }
    },
  };
}
