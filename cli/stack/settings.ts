import type { Settings } from "../../components/schema/stack.ts";
import { parseSettings } from "../../components/settings.ts";
import { stackFileText } from "../../components/source.ts";
import { UserError } from "../../lib/errors.ts";
import { suggestion } from "../../lib/words.ts";
import { runPulumi, type Stack } from "./stack.ts";

interface ConfigValue {
  value?: string;
  objectValue?: unknown;
  secret: boolean;
}

/**
 * The stack's settings, validated as the Pulumi program does it, for one image or for the whole stack.
 * They contain secrets: never print them.
 */
export async function stackSettings(stack: Stack, onlyImage?: string): Promise<Settings> {
  const config = JSON.parse(await runPulumi(stack, ["config", "--show-secrets", "--json"])) as Record<
    string,
    ConfigValue
  >;
  const ours = Object.entries(config)
    .filter(([key]) => key.startsWith("piinit:"))
    .map(([key, value]) => ({ ...value, name: key.slice("piinit:".length) }));
  const raw = Object.fromEntries(ours.map(({ name, value, objectValue }) => [name, objectValue ?? value]));
  const secret = new Set(ours.filter((one) => one.secret).map(({ name }) => name));
  return parseSettings(raw, stack.name, { onlyImage, secret, source: stackFileText(stack.name) });
}

/** @throws UserError naming the images that there are */
export function imageIn({ images }: Settings, image: string, stack: string): Settings["images"][string] {
  const found = images[image];
  if (found) return found;
  const known = Object.keys(images);
  throw new UserError(`Stack ${stack} has no image ${image}; images: ${known.join(", ")}${suggestion(image, known)}`);
}
