import type { Allocation, Job, Node, TaskState } from "./answers.ts";
import type { Unplaced } from "./judge.ts";
import type { Printed } from "./look.ts";
import { placementReasons } from "./placement.ts";

/** Why a job isn't healthy, with all that is known about it. */
export interface Failure {
  job: Job;
  /** Reads on behind the job's name. */
  says: string;
  unplaced: Unplaced[];
  tasks: IllTask[];
  nodes?: Node[] | undefined;
}

export interface IllTask {
  allocation: Allocation;
  name: string;
  state: TaskState;
  printed: Printed;
}

/** What `up` shows: what is wrong, Nomad's reasons, each task's last events and lines, and what to do. */
export function failureMessage({ job, says, unplaced, tasks, nodes }: Failure): string {
  const placements = unplaced.flatMap((one) =>
    placementReasons(job, one, nodes).map((reason) =>
      job.TaskGroups.length > 1 ? `${one.group.Name}: ${reason}` : reason,
    ),
  );
  return [`the job ${job.ID} ${says}`, ...indent(placements), ...tasks.flatMap(taskLines), advice(unplaced)].join("\n");
}

function advice(unplaced: Unplaced[]): string {
  return unplaced.length > 0
    ? "It stays registered: Nomad places it as soon as it can. Mend its file or the machines, then run up again."
    : "Mend its file, then run up again. If the file is right, stop the job before that: Nomad won't try the same again.";
}

const lastEvents = 5;

function taskLines({ allocation, name, state, printed }: IllTask): string[] {
  const { NodeName, ID } = allocation;
  const restarts = state.Restarts > 0 ? `, restarted ${state.Restarts} ${state.Restarts === 1 ? "time" : "times"}` : "";
  const told = (state.Events ?? []).filter(({ Type }) => Type !== "Received");
  const events = told.slice(-lastEvents).map(({ Type, DisplayMessage }) => `${Type}: ${DisplayMessage}`);
  return [
    `  task ${name} on ${NodeName} (allocation ${ID.slice(0, 8)}${restarts}):`,
    ...indent(indent(events)),
    ...outputLines("standard error", printed.stderr),
    ...outputLines("standard output", printed.stdout),
  ];
}

function outputLines(stream: string, lines: string[]): string[] {
  return lines.length > 0 ? [`    the last lines of its ${stream}:`, ...lines.map((line) => `      ${line}`)] : [];
}

const indent = (lines: string[]) => lines.map((line) => `  ${line}`);
