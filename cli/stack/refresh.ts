import { refuseAltered } from "../../components/source.ts";
import { UserError } from "../../lib/errors.ts";
import { progressOnStderr } from "../../lib/progress.ts";
import { imageIn, stackSettings } from "./settings.ts";
import { runPulumi, type Stack } from "./stack.ts";

/** Notes in the stack's file that its images are to have the packages of now. @throws UserError if that can't be */
export async function refreshPackages(stack: Stack, image: string): Promise<void> {
  const { base } = imageIn(await stackSettings(stack, image), image, stack.name);
  const place = `images.${image}.base`;
  if ("image" in base)
    throw new UserError(
      `${place} is an existing image, which has its own packages. Name a newer one there, with its sum.`,
    );
  if (base.snapshot !== undefined)
    throw new UserError(`${place}.snapshot says of which day the packages are. Name a later one there.`);
  refuseAltered(stack.name); // Pulumi rewrites the file.
  const now = `${new Date().toISOString().slice(0, 16)}Z`;
  await runPulumi(stack, ["config", "set", "piinit:refreshed", now]);
  progressOnStderr().step(`piinit:refreshed is ${now} now, in stacks/Pulumi.${stack.name}.yaml`);
}
