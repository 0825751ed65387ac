import { setTimeout as sleep } from "node:timers/promises";
import { interrupted } from "../../lib/terminal.ts";
import { clusterStep, type Expectation, type ReadyCluster } from "../../steps/cluster/contract.ts";
import { type Judgement, judge } from "../../steps/cluster/judge.ts";
import { observe } from "../../steps/cluster/observe.ts";
import { missingMachines } from "../../steps/cluster/patience.ts";
import type { StackState } from "../stack/state.ts";
import { type StoredStep, storedSteps } from "../stack/steps.ts";
import type { Correction } from "./correction.ts";

/** A stack's cluster as it is now. */
export interface ClusterNow {
  gate: StoredStep<Expectation, ReadyCluster>;
  judgement: Judgement;
}

/** Short, so that machines known to be off cost little time. */
const firstLookMs = 2000;
/** A busy machine may be silent for some seconds, so what the first look finds new is looked at again. */
const nextLookMs = 5000;
const mostLooks = 3;
const pauseMs = 1000;

/** As it was when it last let a cluster pass; undefined if it never did. */
export const gateOf = (state: StackState): ClusterNow["gate"] | undefined => storedSteps(state, clusterStep, "wait")[0];

/** Looks at the cluster that the gate last let pass; undefined if there was none yet. */
export async function lookAtCluster(state: StackState): Promise<ClusterNow | undefined> {
  const gate = gateOf(state);
  if (!gate) return undefined;
  let now = await lookOnce(gate, firstLookMs);
  for (let looks = 1; looks < mostLooks && gateDrift(now).length > 0; looks++) {
    await sleep(pauseMs, undefined, { signal: interrupted }).catch(() => interrupted.throwIfAborted());
    now = await lookOnce(gate, nextLookMs);
  }
  return now;
}

async function lookOnce(gate: ClusterNow["gate"], timeoutMs: number): Promise<ClusterNow> {
  const seen = await observe(gate.input, { timeoutMs, signal: interrupted });
  interrupted.throwIfAborted();
  return { gate, judgement: judge(gate.input, seen, gate.answer) };
}

/** Whether the gate must look again: the machines that are missing have changed, or the agents that answer. */
export function gateDrift({ gate: { urn, answer }, judgement: { quorum, findings } }: ClusterNow): Correction[] {
  const missing = missingMachines(findings);
  const before = answer?.missing ?? [];
  const reasons = [
    ...(quorum ? [] : ["the cluster has no quorum: up waits for it"]),
    ...(quorum && answer && quorum.consulUrl !== answer.consulUrl
      ? [`up asks Consul at ${quorum.consulUrl}, as ${answer.consulUrl} is not part of the quorum`]
      : []),
    ...(quorum?.nomadUrl && answer && quorum.nomadUrl !== answer.nomadUrl
      ? [`up asks Nomad at ${quorum.nomadUrl}, as ${answer.nomadUrl} is not part of the quorum`]
      : []),
    ...missing.filter((name) => quorum && !before.includes(name)).map((name) => `${name} is missing: up waits for it`),
    ...before.filter((name) => !missing.includes(name)).map((name) => `${name} is back`),
  ];
  return reasons.map((reason) => ({ urn, reason }));
}
