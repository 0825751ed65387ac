import { imageId } from "../../steps/image-names.ts";
import { updateStep } from "../../steps/update/contract.ts";
import type { StackState } from "./state.ts";
import { storedSteps } from "./steps.ts";

/** The image that `up` last made for each machine, by its name; only those that take updates over the network. */
export function newestImages(state: StackState): ReadonlyMap<string, string> {
  return new Map(storedSteps(state, updateStep, "update").map(({ input: { name, image } }) => [name, imageId(image)]));
}
