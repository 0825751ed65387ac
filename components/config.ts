import * as pulumi from "@pulumi/pulumi";
import { UserError } from "../lib/errors.ts";
import type { Settings } from "./schema/stack.ts";
import { parseSettings } from "./settings.ts";
import { stackFileText } from "./source.ts";

const namespace = "piinit:";

/** Reads and validates this stack's settings; invalid ones end the program with a message and no stack trace. */
export function readSettings(): Settings {
  const raw = Object.entries(pulumi.runtime.allConfig())
    .filter(([key]) => key.startsWith(namespace))
    .map(([key, text]) => [key.slice(namespace.length), parseValue(text)] as const);
  const stack = pulumi.getStack();
  const options = {
    onlyImage: process.env.PIINIT_IMAGE_ONLY,
    secret: secretSettings(),
    source: stackFileText(stack),
  };
  return reportingFaults(() => parseSettings(Object.fromEntries(raw), stack, options));
}

/** Turns a UserError into the one error that Pulumi shows without a stack trace. */
export function reportingFaults<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof UserError) throw withoutStack(new pulumi.RunError(error.message));
    throw error;
  }
}

/**
 * Pulumi formats the stack although it shows none, and Node 20 needs 15 s and 3 GB for that: its `util.inspect` goes round
 * at a path such as node_modules/@pulumi/resource.ts until the text is too long for it.
 */
function withoutStack(error: Error): Error {
  error.stack = "";
  return error;
}

/** Marks a value made from a setting as secret if any part of that setting was set with `--secret`. */
export function keepSecret<Value>(setting: keyof Settings, value: Value): pulumi.Output<pulumi.Unwrap<Value>> {
  return secretSettings().has(setting) ? pulumi.secret(value) : pulumi.output(value);
}

/** The same for each value of a map, whose keys are names and no secrets. */
export function keepSecrets(
  setting: keyof Settings,
  values: Record<string, string>,
): Record<string, pulumi.Output<string>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, keepSecret(setting, value)]));
}

/** The settings that contain a secret. The SDK has no call for it, but its environment has the list. */
export function secretSettings(): Set<string> {
  const keys = JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS || "[]") as string[];
  return new Set(keys.filter((key) => key.startsWith(namespace)).map((key) => key.slice(namespace.length)));
}

/** Pulumi passes structured settings as JSON and plain ones as text, which may begin with a bracket, too. */
function parseValue(text: string): unknown {
  if (!/^[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
