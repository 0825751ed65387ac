import path from "node:path";
import { Refused } from "../../burn/failure.ts";
import { buildStackImage } from "../stack/image.ts";
import { prepareStack } from "../stack/stack.ts";
import { readStackFile } from "../stack/stack-file.ts";

/** The file of an image: the named file, or that of a stack's image, which is built if necessary. */
export async function findImage(image: string | undefined, stackName: string): Promise<string> {
  if (image !== undefined && isFile(image)) return path.resolve(process.env.INIT_CWD ?? "", image);
  if (process.env.SUDO_USER !== undefined) {
    throw new Refused(
      "With sudo, name the image's file: a stack belongs to the user who built it. `./piinit build` prints its path.",
    );
  }
  const name = image ?? (await onlyImage(stackName));
  return (await buildStackImage(await prepareStack(stackName, (one) => one === name), name)).path;
}

async function onlyImage(stack: string): Promise<string> {
  const [first, ...others] = Object.keys((await readStackFile(stack))["piinit:images"] ?? {});
  if (first === undefined) throw new Refused(`Stack ${stack} has no images.`);
  if (others.length === 0) return first;
  throw new Refused(
    `Stack ${stack} has the images ${[first, ...others].join(", ")}. Name one: ./piinit burn ${first} ${stack}`,
  );
}

/** The names of images contain neither slashes nor dots. */
const isFile = (image: string): boolean => /[/.]/.test(image);
