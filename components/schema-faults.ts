import type { z } from "zod";
import { anyOf, suggestion } from "../lib/words.ts";
import { type Fault, missingSecret, pathText } from "./faults.ts";
import { partsOf, shapesAt } from "./schema/json-schema.ts";
import { isSecret } from "./schema/secrecy.ts";

/** Our words for zod's kinds of values. */
const kinds: Partial<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  int: "a whole number",
  number: "a number",
  object: "a map",
  record: "a map",
  string: "a text",
};

/** What a value must be, for issues without a message in the schema. */
export function describeIssue(issue: z.core.$ZodRawIssue): string {
  if (issue.code === "invalid_type") return `must be ${kinds[issue.expected] ?? "of another kind"}`;
  if (issue.code === "invalid_value") {
    const values = issue.values.map(String);
    return `must be ${anyOf(values)}${suggestion(issue.input, values)}`;
  }
  if (issue.code === "too_small") return `must be ${issue.minimum} or more`;
  if (issue.code === "too_big") return `must be ${issue.maximum} or less`;
  return "must be of another form";
}

/** An issue of the schema as faults of the settings that were given. */
export function issueFaults(issue: z.core.$ZodIssue, given: unknown, stack: string): Fault[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(path, key));
  // A map's key: its own faults are inside.
  if (issue.code === "invalid_key") return [{ path, reason: issue.issues[0]?.message ?? "", value: path.at(-1) }];
  const value = valueAt(given, path);
  // One that is missing because of other settings: the schema says of which.
  if (value === undefined && issue.code === "custom" && !isSecret(path)) return [{ path, reason: issue.message }];
  if (value !== undefined) return [{ path, reason: issue.message, value }];
  return [{ path, reason: isSecret(path) ? missingSecret(pathText(path), stack) : "is missing" }];
}

function unknownKey(path: PropertyKey[], key: string): Fault {
  const known = [...new Set(shapesAt(path).flatMap((shape) => partsOf(shape).map(([name]) => name)))];
  const meant = suggestion(key, known);
  return { path: [...path, key], reason: meant ? `is unknown${meant}` : `is unknown: must be ${anyOf(known)}` };
}

/** What stands at the path; where a short form stands for a whole map, that. */
function valueAt(given: unknown, [key, ...rest]: PropertyKey[]): unknown {
  if (key === undefined || typeof given !== "object" || given === null) return given;
  return valueAt((given as Record<PropertyKey, unknown>)[key], rest);
}

/** Keys that JavaScript keeps for itself: nothing would come of what is below them. */
export function protoFaults(given: unknown, path: PropertyKey[] = []): Fault[] {
  if (typeof given !== "object" || given === null) return [];
  return Object.entries(given).flatMap(([key, value]) => {
    const here = [...path, Array.isArray(given) ? Number(key) : key];
    return key === "__proto__" ? [{ path: here, reason: "must have another name" }] : protoFaults(value, here);
  });
}
