import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, parseDocument, Scalar } from "yaml";
import { projectDir } from "../lib/paths.ts";
import { cantBeUsed, type Fault, faultsError, pathText } from "./faults.ts";

const namespace = "piinit:";

/** The text of a stack's file; empty where its settings are in another one (--config-file). */
export function stackFileText(stack: string): string {
  const file = path.join(projectDir, "stacks", `Pulumi.${stack}.yaml`);
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/**
 * What YAML made something else of than what stands in the stack's file: `1.10` is the number 1.1, `0755` is 493 and
 * `2024-01-02` a moment of time. `given` is what Pulumi read, by the settings' names. Values that came from elsewhere (another
 * file, --config) are not looked at, nor those in quotes.
 */
export function alteredBySource(text: string, given: Record<string, unknown>): Fault[] {
  const document = parseDocument(text, { schema: "failsafe", logLevel: "silent" });
  const config = isMap(document.contents) ? document.contents.get("config", true) : undefined;
  if (!isMap(config)) return [];
  return config.items.flatMap(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : "";
    if (!name.startsWith(namespace)) return [];
    const setting = name.slice(namespace.length);
    return compare(document, value as Node | null, given[setting], [setting]);
  });
}

/**
 * Refuses a stack's file in which Pulumi would alter something by writing it anew, as it does when a stack is made or a
 * secret is set. Its reader takes numbers of both versions of YAML.
 */
export function refuseAltered(stack: string): void {
  const text = stackFileText(stack);
  const found = (["1.1", "1.2"] as const).flatMap((version) => alteredBySource(text, settingsOf(text, version)));
  const faults = new Map(found.reverse().map((fault) => [pathText(fault.path), fault]));
  if (faults.size > 0) throw faultsError(cantBeUsed(stack), [...faults.values()].reverse(), new Set());
}

/** What YAML makes of a file's settings; none when it isn't YAML, which Pulumi says itself. */
function settingsOf(text: string, version: "1.1" | "1.2"): Record<string, unknown> {
  const document = parseDocument(text, { version, logLevel: "silent" });
  if (document.errors.length > 0) return {};
  const { config } = (JSON.parse(JSON.stringify(document.toJS()) ?? "null") ?? {}) as { config?: object | null };
  return Object.fromEntries(Object.entries(config ?? {}).map(([name, value]) => [name.replace(namespace, ""), value]));
}

function compare(document: Document, given: Node | null, value: unknown, place: PropertyKey[]): Fault[] {
  const node = isAlias(given) ? (given.resolve(document) as Node | undefined) : given;
  if (isSeq(node) && Array.isArray(value))
    return node.items.flatMap((item, index) => compare(document, item as Node, value[index], [...place, index]));
  if (isMap(node) && typeof value === "object" && value !== null) {
    const parts = value as Record<string, unknown>;
    return node.items.flatMap(({ key, value: part }) => {
      const name = isScalar(key) ? String(key.value) : "";
      if (name === "<<") return compare(document, part as Node | null, value, place);
      if (Object.hasOwn(parts, name)) return compare(document, part as Node | null, parts[name], [...place, name]);
      const altered = Object.keys(parts).find((other) => isReading(name, other));
      return altered === undefined ? [] : [fault([...place, altered], name, altered)];
    });
  }
  if (!isScalar(node) || node.type !== Scalar.PLAIN || typeof value === "object") return [];
  const source = String(node.value);
  return source !== String(value) && isReading(source, String(value)) ? [fault(place, source, String(value))] : [];
}

function fault(path: PropertyKey[], source: string, read: string): Fault {
  return {
    path,
    value: source,
    reason: "must be in quotes in the file",
    detail: `, "${source}": YAML reads it as ${read}`,
  };
}

/** Whether YAML, as Pulumi reads it, may make `value` of an unquoted `source`: a number, a truth or a day. */
function isReading(source: string, value: string): boolean {
  if (/^(true|false)$/.test(value)) return source.toLowerCase() === value;
  if (/^\d{4}-\d\d-\d\d[ T].*(UTC|Z)$/.test(value)) return /^\d{4}-\d\d?-\d\d?/.test(source);
  const digits = source.replaceAll("_", "");
  const octal = /^([-+]?)0o?([0-7]+)$/.exec(digits);
  const readings = [Number(digits), octal ? Number.parseInt(`${octal[1]}${octal[2]}`, 8) : Number.NaN];
  return readings.some((reading) => reading === Number(value));
}
