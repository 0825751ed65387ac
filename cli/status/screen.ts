import { columns } from "../../lib/words.ts";
import { majorityOf } from "../../steps/agents.ts";
import type { LastRun } from "../../steps/jobs/health.ts";
import type { MachineStatus } from "../../steps/lab/lab.ts";
import { imageText } from "./images.ts";
import type { StackStatus } from "./stack-status.ts";

/** A cluster's status as one screen for users; `virtual` has a lab's machines. */
export function statusScreen(status: StackStatus, virtual: readonly MachineStatus[]): string {
  const { consul, nomad, jobs } = status;
  const stateOf = (name: string) => virtual.find((machine) => machine.name === name)?.state;
  const hasImages = status.machines.some(({ image }) => image !== null);
  const machines = status.machines.map(({ name, ip, reachable, problem, image }) => [
    name,
    ip,
    reachable ? (problem ? "answers" : "well") : (stateOf(name) ?? "no answer"),
    ...(hasImages ? [imageText(image)] : []),
    problem ?? "",
  ]);
  return `${[
    ...columns([["MACHINE", "ADDRESS", "STATE", ...(hasImages ? ["IMAGE"] : []), ""], ...machines]),
    "",
    ...columns([
      ["Consul", quorumText(consul), consul.url ?? ""],
      ...(nomad.expected > 0 ? [["Nomad", quorumText(nomad), nomad.url ?? ""]] : []),
    ]),
    ...(jobs.length > 0 ? ["", ...columns([["JOB", "STATUS", ""], ...jobs.map(jobRow)])] : []),
    ...section(advice(status)),
  ].join("\n")}\n`;
}

type Agents = Pick<StackStatus["consul"], "expected" | "present" | "leader" | "spare">;

/** "2 of 3 servers, leader pi1, can lose none" */
export function quorumText({ expected, present, leader, spare }: Agents): string {
  const servers = `${present} of ${expected} servers`;
  if (spare === null) return `${servers}, no quorum: ${majorityOf(expected)} are needed`;
  return `${servers}, leader ${leader}, can lose ${spare > 0 ? spare : "none"}`;
}

function advice({ machines, problems }: StackStatus): string[] {
  return [
    ...machines.flatMap(({ name, action }) => (action ? [`${name}: ${action}`] : [])),
    ...problems.map(({ problem, action }) => `${problem}: ${action}`),
  ];
}

const jobRow = ({ id, status, detail, lastRun }: StackStatus["jobs"][number]) => [
  id,
  status,
  [detail.replace(/^is healthy: /, ""), ...(lastRun ? [lastRunText(lastRun)] : [])].join("; "),
];

/** "last run 2026-11-26 05:15:00 UTC: succeeded" */
const lastRunText = ({ at, result }: LastRun) => `last run ${at.slice(0, 19).replace("T", " ")} UTC: ${result}`;

const section = (lines: string[]) => (lines.length > 0 ? ["", "To do:", ...lines.map((line) => `  ${line}`)] : []);
