/** What is drawn by chance, the same for the same seed. */
export interface Random {
  /** From 0 to below 1. */
  number(): number;
  /** A whole number from 0 to below this. */
  below(limit: number): number;
  /** One of these, which may not be none. */
  pick<Item>(items: readonly Item[]): Item;
}

/** Mulberry32. */
export function randomFrom(seed: number): Random {
  let state = seed;
  const number = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(number() * limit);
  return { number, below, pick: (items) => items[below(items.length)] as (typeof items)[number] };
}

/** Another one each time. */
export const newSeed = (): number => Math.floor(Math.random() * 2 ** 32);
