import type { Random } from "../../random.ts";

const strange = [null, {}, [], [null], 0, -1, 1e308, "", "x", "\u001b[2J", true, false, [[]], { a: [{}] }];

/** JSON with one thing in it exchanged, lost or cut off. */
export function mutate(text: string, { below, number, pick }: Random): string {
  switch (below(6)) {
    case 0:
      return text.slice(0, below(text.length));
    case 1: {
      const at = below(text.length);
      return text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1);
    }
    default: {
      const whole: Holder = { root: JSON.parse(text) };
      const places = placesOf(whole);
      const { holder, key } = pick(places);
      if (number() < 0.2) delete holder[key];
      else holder[key] = pick(strange);
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
