import { isDeepStrictEqual } from "node:util";
import { NoAnswer } from "../../lib/http.ts";
import { interrupted } from "../../lib/terminal.ts";
import { type JobSecrets, jobsStep } from "../../steps/jobs/contract.ts";
import { readSecrets } from "../../steps/jobs/secrets.ts";
import type { StackState } from "../stack/state.ts";
import { storedSteps } from "../stack/steps.ts";
import type { Correction, Findings } from "./correction.ts";

/** Finds jobs' secrets that are gone from Nomad or are others there; without `nomadUrl`, none. */
export async function secretDrift(state: StackState, nomadUrl: string | undefined): Promise<Findings> {
  // That no Nomad answers is told of the jobs themselves.
  if (nomadUrl === undefined) return { corrections: [], unknown: [] };
  const results = await Promise.all(
    storedSteps(state, jobsStep, "keep-secrets").map((kept) => driftOf(kept, nomadUrl)),
  );
  const corrections = results.filter((result) => typeof result === "object");
  return { corrections, unknown: results.filter((result) => typeof result === "string") };
}

/** A text says why they could not be checked. */
async function driftOf(
  { urn, input }: { urn: string; input: JobSecrets },
  nomadUrl: string,
): Promise<Correction | string | undefined> {
  try {
    const found = await readSecrets(input, nomadUrl, interrupted);
    if (isDeepStrictEqual(found, input.items)) return undefined;
    const fault = found ? "are others in Nomad" : "are gone from Nomad";
    return { urn, reason: `the secrets of the job ${input.job} ${fault}: up writes them again` };
  } catch (error) {
    interrupted.throwIfAborted();
    if (!(error instanceof NoAnswer)) throw error;
    return `the secrets of the job ${input.job} could not be checked: ${error.message}`;
  }
}
