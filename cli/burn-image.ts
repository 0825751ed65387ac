import { existsSync } from "node:fs";
import path from "node:path";
import { Refused } from "../commands/burn/errors.ts";
import { build } from "./build.ts";
import { stackSettings } from "./settings.ts";
import { openStack, type Stack } from "./stack.ts";

/** The file of an image: the one that is named, or that of a stack's image, which is built if it has to be. */
export async function findImage(image: string | undefined, stackName: string): Promise<string> {
  if (image !== undefined && isFile(image)) return path.resolve(process.env.INIT_CWD ?? "", image);
  if (process.env.SUDO_USER !== undefined) {
    throw new Refused(
      "With sudo, name the image's file: a stack belongs to the user who built it. `./piinit build` prints its path.",
    );
  }
  const stack = await openStack(stackName);
  return (await build(stack, image ?? (await onlyImage(stack)))).path;
}

async function onlyImage(stack: Stack): Promise<string> {
  const [first, ...others] = Object.keys((await stackSettings(stack)).images);
  if (first !== undefined && others.length === 0) return first;
  throw new Refused(
    `Stack ${stack.name} has the images ${[first, ...others].join(", ")}. Say which: ./piinit burn ${first} ${stack.name}`,
  );
}

/** Names of images have neither slashes nor dots. */
const isFile = (image: string): boolean =>
  /[/.]/.test(image) || existsSync(path.resolve(process.env.INIT_CWD ?? "", image));
