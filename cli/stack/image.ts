import { existsSync } from "node:fs";
import { secondsSince } from "../../lib/progress.ts";
import type { BuiltImage } from "../../steps/image/manifest/contract.ts";
import { layers } from "../../steps/image/manifest/manifest.ts";
import { lookAtStack, withState } from "./look.ts";
import { partOf, withPart } from "./part.ts";
import { recover } from "./recovery.ts";
import { imageIn, stackSettings } from "./settings.ts";
import { runPulumi, type Stack } from "./stack.ts";
import { readState, type StackState, writeState } from "./state.ts";
import { plainValue } from "./steps.ts";

/**
 * Builds an image of a stack unless it is up to date. Pulumi does it on a copy of the part of the state that the image needs;
 * so whatever else the settings and the state have is left alone, and a build that fails or is killed leaves no trace in it.
 */
export async function buildStackImage(stack: Stack, image: string): Promise<BuiltImage> {
  imageIn(await stackSettings(stack, image), image, stack.name);
  const start = performance.now();
  const state = await recover(stack);
  const before = answerOf(state, image);
  const part = partOf(state, isNeededBy(image));
  const updated = await lookAtStack(stack.name, async (view) => {
    const copy = await withState(view, part);
    await updateOnly(copy, image, before !== undefined && !existsSync(before.path));
    return readState(copy);
  });
  const built = answerOf(updated, image);
  if (!built) throw new Error(`Pulumi's state has no image ${image} after the update`);
  const isUnchanged = before?.path === built.path && before.seconds === built.seconds;
  if (isUnchanged) return { ...built, seconds: secondsSince(start), reused: layers };
  await writeState(stack, withPart(await readState(stack), updated));
  return built;
}

/** The image and what it contains: the cluster's secrets, its certificate and, in a lab, its SSH key. */
const targetsFor = (image: string): string[] =>
  [`image-${image}`, image, "cluster", "cluster-*", `certificate-${image}`, "lab", "lab-folder"].map(
    (name) => `**::${name}`,
  );

function isNeededBy(image: string): (urn: string) => boolean {
  const ends = targetsFor(image).map((target) => target.slice("**".length));
  return (urn) => ends.some((end) => (end.endsWith("*") ? urn.includes(end.slice(0, -1)) : urn.endsWith(end)));
}

/** What no image depends on. Pulumi would create its providers, with what these depend on, even when they are no targets. */
const leftOut = "keys,jobs,access,updates";

async function updateOnly(copy: Stack, image: string, fileIsGone: boolean): Promise<void> {
  const args = ["up", "--yes", "--skip-preview", "--suppress-outputs"];
  const targets = targetsFor(image).flatMap((target) => ["--target", target]);
  const again = fileIsGone ? ["--replace", `**::image-${image}`] : [];
  const env = { PIINIT_IMAGE_ONLY: image, PIINIT_LEFT_OUT: leftOut };
  await runPulumi(copy, [...args, ...targets, ...again], { env, onLine: (line) => process.stderr.write(`${line}\n`) });
}

/** What the builder answered when it last built the image. */
function answerOf({ deployment }: StackState, image: string): BuiltImage | undefined {
  const stdout = deployment.resources?.find(({ urn }) => urn.endsWith(`::image-${image}`))?.outputs?.stdout;
  const plain = plainValue(stdout);
  return typeof plain === "string" ? (JSON.parse(plain) as BuiltImage) : undefined;
}
