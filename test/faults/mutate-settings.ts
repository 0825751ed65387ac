import type { Random } from "../random.ts";

type Part = Record<string, unknown> | unknown[];

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

/** Settings with one to three things in them lost, doubled, renamed or exchanged. */
export function mutateSettings<Settings extends Record<string, unknown>>(settings: Settings, random: Random): Settings {
  const mutated = structuredClone(settings);
  for (let count = 1 + random.below(3); count > 0; count--) mutateOnce(mutated, random);
  return mutated;
}

function mutateOnce(settings: Record<string, unknown>, { pick }: Random): void {
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

/** A text with a few of its lines or characters lost, doubled or exchanged, as by a slip of the hand. */
export function mutateText(text: string, random: Random): string {
  let mutated = text;
  for (let count = 1 + random.below(3); count > 0; count--) mutated = mutateTextOnce(mutated, random);
  return mutated;
}

const slips = [":", "- ", "'", '"', "{", "]", "#", "&a", "*a", "!!set ", "\t", "|", "%", "---\n", "\u0000", "\r", "é"];

function mutateTextOnce(text: string, { below, pick }: Random): string {
  const lines = text.split("\n");
  const line = below(lines.length);
  const at = below(text.length + 1);
  const changes = [
    () => text.slice(0, at),
    () => text.slice(0, at) + text.slice(at + 1),
    () => text.slice(0, at) + pick(slips) + text.slice(at),
    () => text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1),
    () => lines.toSpliced(line, 1).join("\n"),
    () => lines.toSpliced(line, 0, lines[line] ?? "").join("\n"),
    () => lines.with(line, `${" ".repeat(1 + below(4))}${lines[line]}`).join("\n"),
    () => lines.with(line, (lines[line] ?? "").trimStart()).join("\n"),
  ];
  return pick(changes)();
}
