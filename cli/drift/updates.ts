import { NoAnswer } from "../../lib/http.ts";
import { interrupted } from "../../lib/terminal.ts";
import type { Access } from "../../steps/agents.ts";
import { imageId } from "../../steps/image-names.ts";
import { readStatuses } from "../../steps/update/cluster.ts";
import { updateStep } from "../../steps/update/contract.ts";
import type { StackState } from "../stack/state.ts";
import { storedSteps } from "../stack/steps.ts";
import type { Findings } from "./correction.ts";

export interface UpdateFindings extends Findings {
  /** Sentences about machines that no update reaches. */
  silent: string[];
}

/** Finds machines that run another image than `up` last brought them, such as those that were off. */
export async function updateDrift(
  state: StackState,
  { consulUrl, missing }: { consulUrl: string | undefined; missing: readonly string[] },
  access?: Access,
): Promise<UpdateFindings> {
  const steps = storedSteps(state, updateStep, "update").filter(({ input: { name } }) => !missing.includes(name));
  const found: UpdateFindings = { corrections: [], unknown: [], silent: [] };
  if (steps.length === 0 || !consulUrl || !access) return found;
  try {
    const statuses = await readStatuses(consulUrl, { access, signal: interrupted });
    for (const { urn, input } of steps) {
      const [runs, wanted] = [statuses.get(input.name)?.image, imageId(input.image)];
      if (runs === undefined) found.silent.push(silence(input.name));
      else if (runs !== wanted)
        found.corrections.push({ urn, reason: `${input.name} runs ${runs}, and not ${wanted}: up updates it` });
    }
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    found.unknown.push(`the machines' images could not be checked: ${error.message}`);
  }
  return found;
}

const silence = (name: string): string =>
  `${name} has not said which image it runs. If that lasts, its card is from before updates came over the network: write it once more, with keepData (docs/updates.md)`;
