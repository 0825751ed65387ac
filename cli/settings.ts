import { parseSettings, type Settings } from "../components/settings.ts";
import { runPulumi, type Stack } from "./stack.ts";

interface ConfigValue {
  value?: string;
  objectValue?: unknown;
}

/**
 * The stack's settings, checked as the program checks them, for one image's build or for all of the stack.
 * Secrets are in them: not for printing.
 */
export async function stackSettings(stack: Stack, onlyImage?: string): Promise<Settings> {
  const config = JSON.parse(await runPulumi(stack, ["config", "--show-secrets", "--json"])) as Record<
    string,
    ConfigValue
  >;
  const raw = Object.entries(config)
    .filter(([key]) => key.startsWith("piinit:"))
    .map(([key, { value, objectValue }]) => [key.slice("piinit:".length), objectValue ?? value]);
  return parseSettings(Object.fromEntries(raw), stack.name, onlyImage);
}
