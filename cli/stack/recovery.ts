import { progressOnStderr } from "../../lib/progress.ts";
import { followMovedPrograms } from "./earlier-commands.ts";
import { halfWrittenFiles, removeHalfWritten } from "./half-written.ts";
import { clearLocks } from "./locks.ts";
import type { Stack } from "./stack.ts";
import { readState, resolvePending, type StackState, writeState } from "./state.ts";

/**
 * Prepares a stack for changes after a killed run or an update of piinit: removes a dead run's lock and
 * half-written files, resumes what that run was doing, and updates the paths of the steps' programs in the state.
 * Returns the stack's state.
 * @throws UserError if another process is changing the stack, or its state is damaged
 */
export async function recover(stack: Stack): Promise<StackState> {
  const progress = progressOnStderr();
  const backend = stack.env.PULUMI_BACKEND_URL ?? "";
  const begun = await halfWrittenFiles(backend, stack.name);
  await clearLocks(backend, stack.name, (line) => progress.step(line));
  await removeHalfWritten(begun);
  const state = await readState(stack);
  const pending = state.deployment.pending_operations ?? [];
  for (const { type, resource } of pending) {
    progress.step(`an earlier run was killed while ${type} ${nameOf(resource.urn)}`);
  }
  const followed = followMovedPrograms(state);
  if (pending.length === 0 && followed === state) return state;
  await writeState(stack, resolvePending(followed));
  return await readState(stack);
}

const nameOf = (urn: string) => urn.slice(urn.lastIndexOf("::") + 2);
