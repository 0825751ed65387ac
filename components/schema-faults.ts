import type { z } from "zod";
import { type Fault, pathText } from "./faults.ts";
import { isSecret } from "./schema/secrecy.ts";

/** The field's words for zod's kinds of values. */
const kinds: Record<string, string> = {
  array: "a list",
  boolean: "true or false",
  int: "a whole number",
  number: "a number",
  object: "a map",
  record: "a map",
  string: "a text",
};

const missing = "is missing";

/** What a value must be, for the issues that the schema itself has no words for. */
export function describeIssue(issue: z.core.$ZodRawIssue): string {
  if (issue.code === "invalid_type") {
    return issue.input === undefined ? missing : `must be ${kinds[issue.expected] ?? issue.expected}`;
  }
  if (issue.input === undefined) return missing;
  if (issue.code === "invalid_value") return `must be ${issue.values.map(String).join(" or ")}`;
  if (issue.code === "too_small") return `must be ${issue.minimum} or more`;
  if (issue.code === "too_big") return `must be ${issue.maximum} or less`;
  if (issue.code === "unrecognized_keys") return `has no setting ${issue.keys.join(", ")}`;
  return "must be something else";
}

/** An issue of the schema as a fault of the settings that were given. */
export function issueFault(issue: z.core.$ZodIssue, given: unknown, stack: string): Fault {
  const { path } = issue;
  // A map's key: its own faults are inside.
  if (issue.code === "invalid_key") return { path, reason: issue.issues[0]?.message ?? "", value: path.at(-1) };
  if (issue.message === missing && isSecret(path))
    return { path, reason: `is missing; set it: ./piinit secret ${pathText(path)} ${stack}` };
  return issue.message.startsWith("must ")
    ? { path, reason: issue.message, value: valueAt(given, path) }
    : { path, reason: issue.message };
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
    return key === "__proto__" ? [{ path: here, reason: "is a name that can't be used" }] : protoFaults(value, here);
  });
}
