import { majorityOf } from "../agents.ts";
import type { Expectation, ReadyCluster } from "./contract.ts";
import type { Finding, Judgement } from "./judge.ts";

/** How long things have been as they are, by the milliseconds of one clock. */
export interface Since {
  /** Since when there has been a quorum without interruption. */
  quorum?: number | undefined;
  /** Since when there has been no hope of one. */
  hopeless?: number | undefined;
}

/** How long a cluster with a quorum is kept waiting for a machine that was part of it before. */
const returnMs = 60_000;

/** A machine may be in the middle of a restart with another image. */
const hopeMs = 5000;

export function since(before: Since, { quorum, isHopeless }: Judgement, now: number): Since {
  return {
    quorum: quorum ? (before.quorum ?? now) : undefined,
    hopeless: isHopeless ? (before.hopeless ?? now) : undefined,
  };
}

/** The time until a deadline and how long things have been as they are, milliseconds. */
export interface Time extends Since {
  now: number;
  /** When the time that the stack allows is over. */
  end: number;
}

/**
 * Whether to pass, to fail, or to wait. New machines are waited for as long as the stack allows, those that were there
 * before for a minute, those that the last run went on without not at all. A machine that answers and is only settling
 * gets a minute, too.
 */
export function decide(
  { quorum, findings }: Judgement,
  last: ReadyCluster | undefined,
  { now, end, ...since }: Time,
): "pass" | "fail" | "wait" {
  if (!quorum) return now >= end || now - (since.hopeless ?? now) >= hopeMs ? "fail" : "wait";
  const settling = findings.flatMap(({ machine, isSettling }) => (machine && isSettling ? [machine.name] : []));
  const awaited = [...missingMachines(findings).filter((name) => !last?.missing?.includes(name)), ...settling];
  const isNew = awaited.some((name) => !wasSeen(last, name));
  const patience = isNew ? end : Math.min(end, (since.quorum ?? now) + returnMs);
  return awaited.length === 0 || now >= patience ? "pass" : "wait";
}

/** The names of the machines that are not as the stack expects them, but for those that are only settling. */
export function missingMachines(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ machine, isSettling }) => (machine && !isSettling ? [machine.name] : []));
}

/** Whether so many of Consul's servers are there that they can elect a leader. */
export function canElect({ machines }: Expectation, findings: readonly Finding[]): boolean {
  const missing = missingMachines(findings);
  const servers = machines.filter(({ consulServer }) => consulServer);
  return servers.filter(({ name }) => !missing.includes(name)).length >= majorityOf(servers.length);
}

/** Whether the gate has seen a machine before; a gate of an earlier version passed only when it saw all. */
export function wasSeen(last: ReadyCluster | undefined, name: string): boolean {
  return last !== undefined && (last.seen?.includes(name) ?? true);
}
