import { progressOnStderr } from "../../lib/progress.ts";
import { followMovedPrograms } from "./earlier-commands.ts";
import { clearLocks } from "./locks.ts";
import type { Stack } from "./stack.ts";
import { readState, resolvePending, type StackState, writeState } from "./state.ts";

/**
 * Makes a stack fit to be changed, after a run that was killed or by an earlier version: a dead run's lock goes, what it
 * was doing is taken up again, and the state names the steps' programs where they are now. Returns the stack's state.
 * @throws UserError when another process changes the stack, or its state is damaged
 */
export async function recover(stack: Stack): Promise<StackState> {
  const progress = progressOnStderr();
  await clearLocks(stack.env.PULUMI_BACKEND_URL ?? "", stack.name, (line) => progress.step(line));
  const state = await readState(stack);
  const pending = state.deployment.pending_operations ?? [];
  for (const { type, resource } of pending) {
    progress.step(`a run before this one was killed while ${type} ${nameOf(resource.urn)}`);
  }
  const followed = followMovedPrograms(state);
  if (pending.length === 0 && followed === state) return state;
  await writeState(stack, resolvePending(followed));
  return await readState(stack);
}

const nameOf = (urn: string) => urn.slice(urn.lastIndexOf("::") + 2);
