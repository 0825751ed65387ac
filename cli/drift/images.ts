import { existsSync } from "node:fs";
import { imageStep } from "../../steps/image/manifest/contract.ts";
import type { StackState } from "../stack/state.ts";
import { storedSteps } from "../stack/steps.ts";
import type { Correction } from "./correction.ts";

/** Finds images whose file is gone: somebody removed it, or a `destroy` that was ended before it could be noted. */
export function imageDrift(state: StackState): Correction[] {
  return storedSteps(state, imageStep, "build").flatMap(({ urn, answer }) =>
    answer && !existsSync(answer.path) ? [{ urn, reason: `the image ${answer.path} is gone: up builds it again` }] : [],
  );
}
