import { readFile } from "node:fs/promises";
import path from "node:path";
import { inTemporaryFolder } from "../../lib/files.ts";
import { pulumi, type Stack } from "./stack.ts";
import { isStack, readState, resolvePending, type StackState, withResources, writeState } from "./state.ts";

/**
 * Runs `pulumi up` in the foreground, and sets the exit code. Returns whether it changed anything. If it fails, the
 * stack keeps the outputs that it had `before`, which Pulumi drops.
 */
export async function update(stack: Stack, args: string[], before: StackState): Promise<boolean> {
  // What Pulumi's own automation interface uses, too.
  const watched = { ...stack, env: { ...stack.env, PULUMI_DEBUG_COMMANDS: "true" } };
  return inTemporaryFolder(async (dir) => {
    const log = path.join(dir, "events");
    let succeeded = false;
    try {
      await pulumi(watched, ["up", ...args, "--event-log", log]);
      succeeded = process.exitCode === 0;
      return hasChanged(await readFile(log, "utf8").catch(() => ""));
    } finally {
      if (!succeeded) await keepOutputs(stack, before);
    }
  });
}

/** Whether an update's events, one JSON object in a line, have a change of any resource. */
export function hasChanged(events: string): boolean {
  const summaries = events
    .split("\n")
    .filter((line) => line.includes('"resourceChanges"'))
    .map((line) => JSON.parse(line) as { summaryEvent?: { resourceChanges?: Record<string, number> } });
  const operations = summaries.flatMap(({ summaryEvent }) => Object.entries(summaryEvent?.resourceChanges ?? {}));
  return operations.some(([operation, count]) => operation !== "same" && count > 0);
}

/** Never aborted: what follows is done after ^C, too. */
const always = { signal: new AbortController().signal };

async function keepOutputs(stack: Stack, before: StackState): Promise<void> {
  const after = await readState(stack, always);
  const kept = withOutputsOf(before, after);
  if (kept !== after) await writeState(stack, resolvePending(kept), always);
}

/** The later state with the stack's outputs that only the earlier one has; the same object if there are none. */
export function withOutputsOf(before: StackState, after: StackState): StackState {
  const earlier = before.deployment.resources?.find(isStack)?.outputs ?? {};
  return withResources(after, (resource) => {
    if (!isStack(resource) || Object.keys(earlier).every((name) => name in (resource.outputs ?? {}))) return resource;
    return { ...resource, outputs: { ...earlier, ...resource.outputs } };
  });
}
