import * as pulumi from "@pulumi/pulumi";
import { UserError } from "../lib/errors.ts";
import { parseSettings, type Settings } from "./settings.ts";

const namespace = "piinit:";

/** Reads and checks this stack's settings; a fault ends the program with its message and no stack trace. */
export function readSettings(): Settings {
  const raw = Object.entries(pulumi.runtime.allConfig())
    .filter(([key]) => key.startsWith(namespace))
    .map(([key, text]) => [key.slice(namespace.length), parseValue(text)] as const);
  return reportingFaults(() =>
    parseSettings(Object.fromEntries(raw), pulumi.getStack(), process.env.PIINIT_IMAGE_ONLY),
  );
}

/** Turns a UserError into the one error that Pulumi shows without a stack trace. */
export function reportingFaults<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof UserError) throw new pulumi.RunError(error.message);
    throw error;
  }
}

/** Marks the values of a setting as secret when any part of it was set with `--secret`. */
export function keepSecret(
  setting: keyof Settings,
  values: Record<string, string>,
): Record<string, pulumi.Input<string>> {
  // The SDK tells this only through the getters of one setting at a time; its own environment has the list.
  const secretKeys = JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS || "[]") as string[];
  if (!secretKeys.includes(`${namespace}${setting}`)) return values;
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, pulumi.secret(value)]));
}

/** Pulumi hands structured settings over as JSON, and plain ones as they are. */
function parseValue(text: string): unknown {
  return /^[[{]/.test(text) ? JSON.parse(text) : text;
}
