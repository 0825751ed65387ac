import { setTimeout as pause } from "node:timers/promises";
import { UserError } from "../../lib/errors.ts";
import type { Progress } from "../../lib/progress.ts";
import type { Expectation, ReadyCluster } from "./contract.ts";
import { type Finding, type Judgement, judge } from "./judge.ts";
import { observe } from "./observe.ts";

const pollMs = 1000;
const remindMs = 10_000;

/**
 * Polls until the whole cluster is as the stack expects it, and reports what it waits for.
 * At the deadline, fails with everything that is missing and what to do about each.
 */
export async function waitUntilReady(
  expectation: Expectation,
  progress: Progress,
  signal?: AbortSignal,
): Promise<ReadyCluster> {
  const end = performance.now() + expectation.deadlineSeconds * 1000;
  let said = "";
  let saidAt = 0;
  for (;;) {
    const judgement = judge(expectation, await observe(expectation, signal));
    if (signal?.aborted) throw new UserError(`interrupted while ${said || "looking at the cluster"}`);
    if (judgement.ready) {
      progress.step(`the cluster is ready: ${judgement.summary}`);
      return judgement.ready;
    }
    const now = performance.now();
    if (now >= end) throw new UserError(deadlineMessage(expectation, judgement));
    const line = waitingLine(judgement);
    if (line !== said || now - saidAt >= remindMs) {
      progress.step(line);
      said = line;
      saidAt = now;
    }
    await pause(Math.min(pollMs, end - now), undefined, signal && { signal }).catch(() => {});
  }
}

/** "waiting for pi2 (192.168.2.52): no answer …; Consul 2 of 3 servers, leader pi1; Nomad 2 of 3 servers, no leader" */
export function waitingLine({ findings, summary }: Judgement): string {
  const machines = findings.flatMap(({ machine, problem }) =>
    machine ? [`${machine.name} (${machine.ip}): ${problem}`] : [],
  );
  return `waiting for ${machines.join(", ") || "leaders"}; ${summary}`;
}

/** One line for each finding, with what to do. */
export function deadlineMessage({ deadlineSeconds }: Expectation, { findings }: Judgement): string {
  return [
    `the cluster was not ready within ${deadlineSeconds} s:`,
    ...findings.map((finding) => `  ${findingLine(finding)}`),
    "Nothing was removed. Mend that and run up again.",
  ].join("\n");
}

function findingLine({ machine, problem, action }: Finding): string {
  const who = machine ? `${machine.name}, ${machine.ip}, ${machine.mac}: ` : "";
  return `${who}${problem}; ${action}`;
}
