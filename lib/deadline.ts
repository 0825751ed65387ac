import { setMaxListeners } from "node:events";

/** A limit of time for one piece of work, which can be begun anew while the work gets on. */
export interface Deadline {
  /** Aborted when the time is up, with an error such as "silent for 5 s", or with the outer signal and its reason. */
  signal: AbortSignal;
  /** Begins the time anew. */
  allow(ms: number): void;
  /** What the work comes to, or the signal's reason as soon as there is one, whatever the work does then. */
  race<T>(work: Promise<T>): Promise<T>;
  /** To be called when the work is done; ends what still listens to the signal. */
  end(): void;
}

/**
 * Takes the place of AbortSignal.timeout and AbortSignal.any. The timer of the one does not keep a program alive, and Node 20
 * may forget the other while it is waited for: then nothing is left to wait for, and the program ends without a word.
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
    // Many pieces of work follow one interruption: Node would take that for a leak.
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
