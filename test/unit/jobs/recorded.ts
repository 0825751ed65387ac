import { readFileSync } from "node:fs";
import path from "node:path";
import { projectDir } from "../../../lib/paths.ts";
import type { Node } from "../../../steps/jobs/answers.ts";
import type { Look } from "../../../steps/jobs/look.ts";

interface Recorded {
  nodes: Node[];
  /** As Nomad answered, so lists of a job have what begins with its name. */
  jobs: Record<string, Omit<Look, "at">>;
}

/** What a Nomad 1.11.2 with one node, `test` in `dc1` with the driver raw_exec, said of jobs of all kinds. */
export const recorded: Recorded = JSON.parse(
  readFileSync(path.join(projectDir, "test/unit/jobs/recorded.json"), "utf8"),
);

/** What a look at a recorded job gives, changed by the test. */
export function lookOf(name: string, change: (look: Look) => void = () => {}): Look {
  const { job, evaluations, deployments, allocations } = structuredClone(recorded.jobs[name] ?? fail(name));
  const ofJob = <T extends { JobID: string }>(all: T[] | null) => (all ?? []).filter(({ JobID }) => JobID === job.ID);
  const lists = {
    evaluations: ofJob(evaluations),
    deployments: ofJob(deployments),
    allocations: ofJob(allocations),
  };
  const started = Object.values(lists.allocations[0]?.TaskStates ?? {})[0]?.StartedAt;
  const look = { job, ...lists, at: started ? Date.parse(started) + 1000 : 0 };
  change(look);
  return look;
}

function fail(name: string): never {
  throw new Error(`no recorded job ${name}`);
}
