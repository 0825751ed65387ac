import assert from "node:assert/strict";
import { parseSettings } from "../../../components/settings.ts";
import { UserError } from "../../../lib/errors.ts";
import { shippedSettings } from "./program.ts";

type Part = Record<string, unknown> | unknown[];

/** Numbers from 0 to 1, the same for the same seed (a linear congruential generator). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

const strangers: unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 1e300, "", " ", "a\nb", "router", "constructor", "__proto__", "x".repeat(2000)],
  ...[
    "192.168.2.1",
    "52:54:00:00:00:01",
    "-v",
    "😀",
    [],
    [[]],
    {},
    { constructor: {} },
    ["a", 1, null],
    { image: null },
  ],
];
const names = ["constructor", "__proto__", "toString", "router", "", "a b", "0", "Ä", "kind"];

/** Every list and map in it, itself too. */
function partsOf(value: unknown): Part[] {
  if (typeof value !== "object" || value === null) return [];
  return [value as Part, ...Object.values(value).flatMap(partsOf)];
}

function mutate(settings: Record<string, unknown>, random: () => number): void {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  const part = pick(partsOf(settings));
  const key = pick(Object.keys(part));
  if (key === undefined) return;
  const holder = part as Record<string, unknown>;
  const value = holder[key];
  const set = (name: string, to: unknown) =>
    Object.defineProperty(holder, name, { value: to, enumerable: true, configurable: true, writable: true });
  const changes = [
    () => delete holder[key],
    () => set(key, structuredClone(pick(strangers))),
    () => set(key, [value]),
    () => set(key, { [key]: value }),
    () => (Array.isArray(part) ? part.push(structuredClone(value)) : set(pick(names), value)),
    () => set(key, JSON.stringify(value)),
    () => delete holder[key] && set(`${key}s`, value),
  ];
  pick(changes)();
}

describe("settings with something wrong in them", () => {
  it("are used, or refused in plain words with a path for each fault, whatever it is", () => {
    const random = randomFrom(20261125);
    let refused = 0;
    for (let round = 0; round < 1000; round++) {
      const stack = round % 2 === 0 ? "lab" : "home";
      const settings = structuredClone(shippedSettings(stack));
      for (let count = 1 + Math.floor(random() * 3); count > 0; count--) mutate(settings, random);
      const given = JSON.stringify(settings);
      try {
        parseSettings(settings, stack);
      } catch (error) {
        assert.ok(error instanceof UserError, `${given}\n${error instanceof Error ? error.stack : error}`);
        const [, ...lines] = error.message.split("\n");
        assert.ok(lines.length > 0);
        for (const line of lines) {
          assert.match(line, /^ {2}piinit:.* {2}\S/, given);
          assert.doesNotMatch(
            line,
            /Invalid|expected|received|Too (small|big)|undefined|\[object|another (form|kind)/,
            given,
          );
        }
        refused++;
      }
    }
    assert.ok(refused > 300, `${refused} of 1000 were refused`);
  });
});
