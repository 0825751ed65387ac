import { canonicalJson } from "../../lib/json.ts";

/**
 * Property values as Pulumi's engine and a plugin exchange them: JSON with two marks. A secret is an object with a
 * signature; a value that a preview can't know is a fixed string.
 */
export type Value = null | boolean | number | string | Value[] | { [key: string]: Value };
export type Properties = Record<string, Value>;

const signatureKey = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** Stands for a value that isn't known before the update. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Marks a value as secret unless it is marked already. */
export function secret(value: Value): Value {
  return isSecret(value) ? value : { [signatureKey]: secretSignature, value };
}

export function isObject(value: Value | undefined): value is Record<string, Value> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSecret(value: Value | undefined): value is { value: Value } {
  return isObject(value) && value[signatureKey] === secretSignature;
}

/** The value without secret marks at any depth. */
export function reveal(value: Value): Value {
  if (isSecret(value)) return reveal(value.value);
  if (Array.isArray(value)) return value.map(reveal);
  return isObject(value) ? mapObject(value, reveal) : value;
}

/** Like `reveal`, for all properties of a resource. */
export function revealAll(properties: Properties): Properties {
  return mapObject(properties, reveal);
}

function mapObject(object: Properties, change: (value: Value) => Value): Properties {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

function some(value: Value, test: (value: Value) => boolean): boolean {
  if (test(value)) return true;
  return typeof value === "object" && value !== null && Object.values(value).some((item) => some(item, test));
}

export function containsSecret(value: Value): boolean {
  return some(value, isSecret);
}

export function containsUnknown(value: Value): boolean {
  return some(value, (item) => item === unknown);
}

/** The new value with secret marks where the old one has them. */
export function withSecrecyOf(old: Value | undefined, value: Value): Value {
  if (isSecret(old)) return secret(value);
  if (Array.isArray(old) && Array.isArray(value)) return value.map((item, index) => withSecrecyOf(old[index], item));
  if (isObject(old) && isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withSecrecyOf(old[key], item)]));
  }
  return value;
}

/** A string that is the same for equal values; the bridge's own notes (`__defaults`) don't count. */
export function canonical(value: Value | undefined): string {
  return canonicalJson(withoutNotes(value ?? null));
}

function withoutNotes(value: Value): Value {
  if (Array.isArray(value)) return value.map(withoutNotes);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([key, item]) => !key.startsWith("__") && item !== null);
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutNotes(item)]));
}

/** Names of the properties that differ, sorted; a missing one equals null. */
export function changedProperties(olds: Properties, news: Properties): string[] {
  const names = new Set([...Object.keys(olds), ...Object.keys(news)]);
  return [...names].filter((name) => !name.startsWith("__") && canonical(olds[name]) !== canonical(news[name])).sort();
}
