import { progressOnStderr } from "../../lib/progress.ts";
import { clearLocks } from "./locks.ts";
import type { Stack } from "./stack.ts";
import { readState, resolvePending, type StackState, writeState } from "./state.ts";

/**
 * Makes a stack fit to be changed after a run that was killed: its lock goes, and what it was doing is taken up again.
 * Returns the stack's state.
 * @throws UserError when another process changes the stack, or its state is damaged
 */
export async function recover(stack: Stack): Promise<StackState> {
  const progress = progressOnStderr();
  await clearLocks(stack.env.PULUMI_BACKEND_URL ?? "", stack.name, (line) => progress.step(line));
  const state = await readState(stack);
  const pending = state.deployment.pending_operations ?? [];
  if (pending.length === 0) return state;
  for (const { type, resource } of pending) {
    progress.step(`a run before this one was killed while ${type} ${nameOf(resource.urn)}`);
  }
  await writeState(stack, resolvePending(state));
  return await readState(stack);
}

const nameOf = (urn: string) => urn.slice(urn.lastIndexOf("::") + 2);
