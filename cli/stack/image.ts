import { existsSync } from "node:fs";
import { secondsSince } from "../../lib/progress.ts";
import type { BuiltImage } from "../../steps/image/manifest/contract.ts";
import { layers } from "../../steps/image/manifest/manifest.ts";
import { recover } from "./recovery.ts";
import { imageIn, stackSettings } from "./settings.ts";
import { runPulumi, type Stack } from "./stack.ts";
import { readState, type StateResource } from "./state.ts";
import { plainValue } from "./steps.ts";

/** Builds an image of a stack unless it is up to date. */
export async function buildStackImage(stack: Stack, image: string): Promise<BuiltImage> {
  imageIn(await stackSettings(stack, image), image, stack.name);
  const start = performance.now();
  const { resources = [] } = (await recover(stack)).deployment;
  const before = answerOf(resources, image);
  await updateOnly(stack, image, resources, before !== undefined && !existsSync(before.path));
  const built = answerOf((await readState(stack)).deployment.resources ?? [], image);
  if (!built) throw new Error(`Pulumi's state has no image ${image} after the update`);
  const isUnchanged = before?.path === built.path && before.seconds === built.seconds;
  return isUnchanged ? { ...built, seconds: secondsSince(start), reused: layers } : built;
}

/** Updates the image and what it contains: the cluster's secrets, its certificate and, in a lab, its SSH key. */
async function updateOnly(stack: Stack, image: string, resources: StateResource[], fileIsGone: boolean): Promise<void> {
  const urn = `**::image-${image}`;
  const secrets = ["**::cluster", "**::cluster-*", `**::certificate-${image}`];
  const targets = [urn, `**::${image}`, ...secrets, "**::lab", "**::lab-folder"];
  const args = ["up", "--yes", "--skip-preview", "--suppress-outputs"];
  const env = { PIINIT_IMAGE_ONLY: image, PIINIT_LEFT_OUT: neverMade(resources).join() };
  await runPulumi(
    stack,
    [...args, ...targets.flatMap((target) => ["--target", target]), ...(fileIsGone ? ["--replace", urn] : [])],
    { env, onLine: (line) => process.stderr.write(`${line}\n`) },
  );
}

/**
 * The parts of the program that were never made. Pulumi creates providers, with what they depend on, even when they are no
 * targets, and nothing that is in the state may depend on what isn't; what is in the state must stay in the program.
 */
function neverMade(resources: StateResource[]): string[] {
  const parts = {
    keys: "pulumi:providers:consul::consul",
    jobs: "pulumi:providers:nomad::nomad",
    access: "Command::access",
  };
  return Object.entries(parts)
    .filter(([, end]) => !resources.some(({ urn }) => urn.endsWith(end)))
    .map(([part]) => part);
}

/** What the builder answered when it last built the image. */
function answerOf(resources: StateResource[], image: string): BuiltImage | undefined {
  const stdout = resources.find(({ urn }) => urn.endsWith(`::image-${image}`))?.outputs?.stdout;
  const plain = plainValue(stdout);
  return typeof plain === "string" ? (JSON.parse(plain) as BuiltImage) : undefined;
}
