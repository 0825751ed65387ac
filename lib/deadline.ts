import { setMaxListeners } from "node:events";

/** A time limit for one piece of work, which can be restarted while the work makes progress. */
export interface Deadline {
  /** Aborted when the time is up, with an error such as "silent for 5 s", or with the outer signal and its reason. */
  signal: AbortSignal;
  /** Restarts the time. */
  allow(ms: number): void;
  /** The work's result, or a failure with the signal's reason as soon as it is aborted, whatever the work does then. */
  race<T>(work: Promise<T>): Promise<T>;
  /** Call this when the work is done; it releases the signal's listeners. */
  end(): void;
}

/**
 * Replaces AbortSignal.timeout and AbortSignal.any. The timer of the first does not keep a program alive, and Node 20
 * may collect the second while something waits for it; in both cases the program would end without a message.
 */
export function startDeadline(ms: number, outer?: AbortSignal): Deadline {
  const controller = new AbortController();
  const { signal } = controller;
  let timer: NodeJS.Timeout | undefined;
  const follow = () => controller.abort(outer?.reason);
  const allow = (more: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => controller.abort(new Error(`silent for ${more / 1000} s`)), more);
  };
  allow(ms);
  if (outer?.aborted) follow();
  if (outer) {
    // Much work listens to the one interruption signal; Node would report a leak.
    setMaxListeners(0, outer);
    outer.addEventListener("abort", follow);
  }
  return {
    signal,
    allow,
    race: (work) => raceAgainst(signal, work),
    end() {
      clearTimeout(timer);
      outer?.removeEventListener("abort", follow);
      controller.abort(new Error("ended"));
    },
  };
}

function raceAgainst<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const give = () => reject(signal.reason);
    signal.addEventListener("abort", give, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", give));
    if (signal.aborted) give();
  });
}
