import { setTimeout as sleep } from "node:timers/promises";
import { progressOnStderr } from "../../lib/progress.ts";
import { interrupted } from "../../lib/terminal.ts";
import { correctDrift, nomadOf } from "./drift.ts";
import { nomadIndexes } from "./nomad-indexes.ts";
import { pulumi, type Stack } from "./stack.ts";
import { readState, type StackState, type StateResource } from "./state.ts";

/** A slow cluster may take so long to agree on a leader. */
const electionSeconds = 90;

/**
 * Runs `pulumi up` once more where Nomad gave no answer while a job was waited for, as between two leaders: Pulumi takes
 * that for the job's failure, though the job goes on. `before` is the state from before the update that failed.
 */
export async function upAgainAfterElection(stack: Stack, before: StackState): Promise<void> {
  if (interrupted.aborted) return;
  const state = await readState(stack);
  const [job] = lostJobs(before, state);
  const address = job && nomadOf(job, state);
  if (!address) return;
  progressOnStderr().step(
    "Nomad did not answer for a moment, as between two leaders: waiting for it, then up once more",
  );
  if (!(await answersAgain(address))) return;
  await correctDrift(stack, await readState(stack));
  // What it does was agreed to before.
  await pulumi(stack, ["up", "--yes", "--skip-preview"]);
}

/** Jobs that were lost sight of by this update, by the words of Nomad's own client. */
export function lostJobs(before: StackState, after: StackState): StateResource[] {
  const known = new Set(before.deployment.resources?.flatMap(reasonsOf));
  const isLost = (reason: string) => /error waiting for evaluation: (Unexpected response code: 5|Get ")/.test(reason);
  return (after.deployment.resources ?? []).filter((resource) =>
    reasonsOf(resource).some((reason) => isLost(reason) && !known.has(reason)),
  );
}

const reasonsOf = ({ initErrors = [] }: StateResource) => initErrors;

async function answersAgain(address: string): Promise<boolean> {
  const end = performance.now() + electionSeconds * 1000;
  while (!(await nomadIndexes(address))) {
    if (performance.now() > end) return false;
    await sleep(1000, undefined, { signal: interrupted });
  }
  return true;
}
