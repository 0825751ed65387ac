import type { Command } from "commander";
import type { Settings } from "../components/schema/stack.ts";
import type { Judgement } from "../steps/cluster/judge.ts";
import { missingLines } from "../steps/cluster/wait.ts";
import { lookDuring } from "../toolchain/official.ts";
import {
  correctState,
  type Drift,
  findDrift,
  findOtherDrift,
  type OtherDrift,
  whenSeen,
  withRouter,
} from "./drift/drift.ts";
import type { ClusterNow } from "./drift/gate.ts";
import { lookingAtRouter } from "./drift/router.ts";
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
  const args = consent(stack, yes);
  await lookingAtRouter(before, settings, async (router) => {
    const others = await findOtherDrift(before);
    // A router may take seconds to log in. While nothing else is wrong, and nobody is asked first, Pulumi works meanwhile.
    const early = args.length > 0 && isWhole(others) ? undefined : withRouter(others, await whenSeen(router));
    await correctState(stack, before, [...others.gate, ...(early ?? others).corrections]);
    if (!settings.builder) await fetchImagePrograms(settings);
    const changed = await lookDuring({ env: stack.env }, () => update(stack, args, before));
    if (process.exitCode !== 0) return;
    await finish(stack, settings, changed, early ?? unsettled(withRouter(others, await whenSeen(router))));
  });
}

const isWhole = ({ corrections, gate, unknown, cluster }: OtherDrift): boolean =>
  [corrections, gate, unknown, cluster?.judgement.findings ?? []].every((found) => found.length === 0);

/** What was found on the router while Pulumi worked is looked at again before it is repaired. */
function unsettled(drift: Drift): Drift {
  return drift.corrections.length > 0 ? { ...drift, router: { ...drift.router, isSettled: false } } : drift;
}

/** Repairs what is left to repair after the update, takes a snapshot if anything was changed, and tells what is missing. */
async function finish(stack: Stack, settings: Settings, changed: boolean, drift: Drift): Promise<void> {
  const isDone = !changed && drift.unknown.length === 0 && drift.router.isSettled;
  const rest = isDone ? { drift, changed } : await repairRest(stack, drift);
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

function tellMissing({ cluster, unknown, silent }: Drift): void {
  const missing = cluster ? missingLines(withoutOthers(cluster), cluster.gate.input) : [];
  for (const line of [...missing, ...unknown, ...silent]) process.stderr.write(`${line}\n`);
}
