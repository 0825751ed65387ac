import { setTimeout as sleep } from "node:timers/promises";
import { progressOnStderr } from "../../lib/progress.ts";
import { interrupted } from "../../lib/terminal.ts";
import { correctDrift, nomadOf } from "./drift.ts";
import { nomadIndexes } from "./nomad-indexes.ts";
import { pulumi, type Stack } from "./stack.ts";
import { readState, type StackState, type StateResource } from "./state.ts";

/** How long a slow cluster may take to elect a leader. */
const electionSeconds = 90;

/**
 * Runs `pulumi up` once more if Nomad stopped answering while Pulumi waited for a job, as it does during an election:
 * Pulumi reports that job as failed although it continues. `before` is the state before the failed update.
 */
export async function upAgainAfterElection(stack: Stack, before: StackState): Promise<void> {
  if (interrupted.aborted) return;
  const state = await readState(stack);
  const [job] = lostJobs(before, state);
  const address = job && nomadOf(job, state);
  if (!address) return;
  progressOnStderr().step(
    "Nomad stopped answering for a moment, as during an election: waiting for it, then running up once more",
  );
  if (!(await answersAgain(address))) return;
  await correctDrift(stack, await readState(stack));
  // The user has already agreed to these changes.
  await pulumi(stack, ["up", "--yes", "--skip-preview"]);
}

/** Jobs whose result this update did not learn, recognised by the error text of Nomad's client. */
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
