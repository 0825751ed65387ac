/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const strange = [null, {}, [], [null], 0, -1, 1e308, "", "x", "\u001b[2J", true, false, [[]], { a: [{}] }];

/** JSON with one thing in it exchanged, lost or cut off. */
export function mutate(text: string, random: () => number): string {
  const pick = (count: number) => Math.floor(random() * count);
  switch (pick(6)) {
    case 0:
      return text.slice(0, pick(text.length));
    case 1: {
      const at = pick(text.length);
      return text.slice(0, at) + String.fromCharCode(pick(256)) + text.slice(at + 1);
    }
    default: {
      const whole: Holder = { root: JSON.parse(text) };
      const places = placesOf(whole);
      const { holder, key } = places[pick(places.length)] ?? { holder: whole, key: "root" };
      if (random() < 0.2) delete holder[key];
      else holder[key] = strange[pick(strange.length)];
      return JSON.stringify(whole.root) ?? "";
    }
  }
}

type Holder = Record<string, unknown>;

/** Everything in a JSON value, by what holds it. */
function placesOf(holder: object): { holder: Holder; key: string }[] {
  return Object.entries(holder).flatMap(([key, value]) => [
    { holder: holder as Holder, key },
    ...(value && typeof value === "object" ? placesOf(value) : []),
  ]);
}
