import { existsSync } from "node:fs";
import { labStep } from "../../steps/lab/contract.ts";
import { labStatus } from "../../steps/lab/lab.ts";
import { isOutdated } from "../../steps/lab/machine.ts";
import type { StackState } from "../stack/state.ts";
import { storedSteps } from "../stack/steps.ts";
import type { Correction } from "./correction.ts";

/** Finds virtual machines that are off, and a lab's folder that is gone. */
export async function labDrift(state: StackState): Promise<Correction[]> {
  const gone = storedSteps(state, labStep, "lab-create")
    .filter(({ input: { dir } }) => !existsSync(dir))
    .map(({ urn, input: { dir } }) => ({ urn, reason: `the lab's folder ${dir} is gone: up makes it again` }));
  const machines = [...storedSteps(state, labStep, "router-start"), ...storedSteps(state, labStep, "machine-start")];
  const dirs = [...new Set(machines.map(({ input: { dir } }) => dir))];
  const found = new Map(await Promise.all(dirs.map(async (dir) => [dir, await labStatus(dir)] as const)));
  const reasons = await Promise.all(
    machines.map(async ({ urn, input }) => {
      const { dir, name } = input;
      const state = found.get(dir)?.find((machine) => machine.name === name)?.state;
      if (state === "running" || state === "cut")
        return (await isOutdated(input)) ? [{ urn, reason: `${name} runs as it was before: up replaces it` }] : [];
      return [{ urn, reason: `${name} ${state === "crashed" ? "has lost its power" : "is off"}: up starts it` }];
    }),
  );
  return [...gone, ...reasons.flat()];
}
