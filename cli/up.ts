import type { Command } from "commander";
import type { Judgement } from "../steps/cluster/judge.ts";
import { missingLines } from "../steps/cluster/wait.ts";
import { lookDuring } from "../toolchain/official.ts";
import { correctState, type Drift, findDrift } from "./drift/drift.ts";
import type { ClusterNow } from "./drift/gate.ts";
import { fetchImagePrograms } from "./stack/programs.ts";
import { recover } from "./stack/recovery.ts";
import { stackSettings } from "./stack/settings.ts";
import { snapshotAfterUp } from "./stack/snapshots.ts";
import { consent, prepareStack, type Stack } from "./stack/stack.ts";
import { readState } from "./stack/state.ts";
import { update } from "./stack/update.ts";

export function define(command: Command): void {
  command
    .argument("[stack]", "stack", "lab")
    .option("-y, --yes", "do not ask first (the lab never asks)")
    .action((name: string, { yes }: { yes?: boolean }) => bringUp(name, yes));
}

/** Makes everything as the settings say, and repairs what isn't as it was made. */
export async function bringUp(name: string, yes: boolean | undefined): Promise<void> {
  const stack = await prepareStack(name, () => true);
  const early = stackSettings(stack).catch(() => undefined);
  const before = await recover(stack);
  // Pulumi can't read a stack at the moment when `recover` lets it write that.
  const settings = (await early) ?? (await stackSettings(stack));
  const drift = await findDrift(before, { settings });
  await correctState(stack, before, [...drift.gate, ...drift.corrections]);
  if (!settings.builder) await fetchImagePrograms(settings);
  const changed = await lookDuring({ env: stack.env }, () => update(stack, consent(stack, yes), before));
  if (process.exitCode !== 0) return;
  const rest = changed || drift.unknown.length > 0 ? await repairRest(stack, drift) : { drift, changed };
  if (changed || rest.changed) await snapshotAfterUp(stack, settings);
  tellMissing(rest.drift);
}

/**
 * Repairs what could not be seen before the update, such as the keys of a cluster that had yet to start. The gate has
 * just looked.
 */
async function repairRest(stack: Stack, { router }: Drift): Promise<{ drift: Drift; changed: boolean }> {
  const state = await readState(stack);
  const drift = await findDrift(state, { router });
  await correctState(stack, state, drift.corrections);
  if (drift.corrections.length === 0) return { drift, changed: false };
  // The user has already agreed to these changes.
  return { drift, changed: await update(stack, ["--yes", "--skip-preview"], state) };
}

/** Only what the gate went on without: a busy machine may be silent for a moment. */
function withoutOthers({ gate: { answer }, judgement }: ClusterNow): Judgement {
  const isMissing = (name: string) => answer?.missing?.includes(name) ?? false;
  return { ...judgement, findings: judgement.findings.filter(({ machine }) => machine && isMissing(machine.name)) };
}

function tellMissing({ cluster, unknown }: Drift): void {
  const missing = cluster ? missingLines(withoutOthers(cluster), cluster.gate.input) : [];
  for (const line of [...missing, ...unknown]) process.stderr.write(`${line}\n`);
}
