import { setTimeout as pause } from "node:timers/promises";
import { UserError } from "../../lib/errors.ts";
import { type Progress, reminding } from "../../lib/progress.ts";
import type { Expectation, ReadyCluster } from "./contract.ts";
import { type Finding, type Judgement, judge } from "./judge.ts";
import { observe } from "./observe.ts";
import { decide, missingMachines, type Since, since, wasSeen } from "./patience.ts";

const pollMs = 1000;
const remindMs = 10_000;

/**
 * Polls until the cluster has a quorum and no machine is worth waiting for any longer, and reports what it waits for.
 * `last` is the gate's last answer. At the deadline, or once waiting can't help, fails with everything that is missing
 * and what to do about each.
 */
export async function waitUntilReady(
  expectation: Expectation,
  progress: Progress,
  signal?: AbortSignal,
  last?: ReadyCluster,
): Promise<ReadyCluster> {
  const end = performance.now() + expectation.deadlineSeconds * 1000;
  let steady: Since = {};
  const tell = reminding(progress, remindMs);
  let waitsFor = "";
  for (;;) {
    const judgement = judge(expectation, await observe(expectation, { signal }), last);
    if (signal?.aborted) throw new UserError(`interrupted while ${waitsFor || "looking at the cluster"}`);
    const now = performance.now();
    steady = since(steady, judgement, now);
    const decision = decide(judgement, last, { ...steady, now, end });
    if (decision === "fail") throw new UserError(failureMessage(expectation, judgement));
    if (decision === "pass" && judgement.quorum) {
      for (const line of missingLines(judgement, expectation)) progress.step(line);
      progress.step(`the cluster is ready: ${judgement.summary}`);
      return answer(judgement.quorum, judgement, expectation, last);
    }
    waitsFor = waitingLine(judgement);
    tell(waitsFor);
    await pause(Math.min(pollMs, end - now), undefined, signal && { signal }).catch(() => {});
  }
}

function answer(
  agents: Pick<ReadyCluster, "consulUrl" | "nomadUrl">,
  { findings }: Judgement,
  { machines }: Expectation,
  last: ReadyCluster | undefined,
): ReadyCluster {
  const missing = missingMachines(findings);
  const seen = machines.map(({ name }) => name).filter((name) => !missing.includes(name) || wasSeen(last, name));
  return { ...agents, seen, missing };
}

/** "2 of 3 machines:", then a line for each missing one; nothing if all are there. */
export function missingLines({ findings }: Judgement, { machines }: Pick<Expectation, "machines">): string[] {
  const missing = missingMachines(findings).length;
  if (missing === 0) return [];
  return [
    `${machines.length - missing} of ${machines.length} machines are there:`,
    ...findings.filter(({ isSettling }) => !isSettling).map((one) => `  ${findingLine(one)}`),
  ];
}

/** "waiting for pi2 (192.168.2.52): no answer …; Consul 2 of 3 servers, leader pi1; Nomad 2 of 3 servers, no leader" */
export function waitingLine({ findings, summary }: Judgement): string {
  const machines = findings.flatMap(({ machine, problem }) =>
    machine ? [`${machine.name} (${machine.ip}): ${problem}`] : [],
  );
  return `waiting for ${machines.join(", ") || "leaders"}; ${summary}`;
}

/** One line for each finding, with what to do. */
export function failureMessage({ deadlineSeconds }: Expectation, { findings, isHopeless }: Judgement): string {
  return [
    isHopeless ? "the cluster can't get a quorum:" : `the cluster had no quorum within ${deadlineSeconds} s:`,
    ...findings.map((finding) => `  ${findingLine(finding)}`),
    "Nothing was removed. Mend that and run up again.",
  ].join("\n");
}

function findingLine({ machine, problem, action }: Finding): string {
  const who = machine ? `${machine.name}, ${machine.ip}, ${machine.mac}: ` : "";
  return `${who}${problem}; ${action}`;
}
