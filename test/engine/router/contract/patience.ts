import { AsyncLocalStorage } from "node:async_hooks";

/** Of one piece of work: how long it waits for answers, without that a test must wait as long. */
export interface Patience {
  /** Lets the time pass until the wait that began last is over. */
  end(): void;
  /** How much time has passed in this way. */
  lostMs: number;
}

interface Kept extends Patience {
  last: { ms: number; isOver: () => void } | undefined;
}

/** The pauses of drivers are shorter, and take place. */
const shortestMs = 3000;

const patience = new AsyncLocalStorage<Kept>();

/** Does work whose deadlines end when a test says so, and whose clock has the time that has passed in this way. */
export function withPatience<T>(work: (patience: Patience) => Promise<T>): Promise<T> {
  const kept: Kept = {
    lostMs: 0,
    last: undefined,
    end() {
      if (!kept.last) throw new Error("nothing is waited for");
      const { ms, isOver } = kept.last;
      kept.last = undefined;
      kept.lostMs += ms;
      isOver();
    },
  };
  return patience.run(kept, work, kept);
}

/** From now on, until what it returns is called. */
export function watchPatience(): () => void {
  const { setTimeout } = globalThis;
  const { now } = Date;
  const watched = (act: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
    const kept = patience.getStore();
    if (kept && ms >= shortestMs) kept.last = { ms, isOver: () => act(...args) };
    return setTimeout(act, ms, ...args);
  };
  globalThis.setTimeout = Object.assign(watched, setTimeout) as typeof setTimeout;
  Date.now = () => now() + (patience.getStore()?.lostMs ?? 0);
  return () => {
    globalThis.setTimeout = setTimeout;
    Date.now = now;
  };
}
