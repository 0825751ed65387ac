import { anyOf } from "../../lib/words.ts";
import type { Job, Node, Placement, TaskGroup } from "./answers.ts";
import type { Unplaced } from "./judge.ts";

/** Why Nomad finds no node for a task group, a sentence each. `nodes` are its clients, if it said which there are. */
export function placementReasons(job: Job, { group, reasons }: Unplaced, nodes?: Node[]): string[] {
  const found = reasons ? [...filterReasons(group, reasons, nodes), ...exhaustionReasons(group, reasons)] : [];
  if (found.length > 0) return found;
  return [nodeReason(job, nodes) ?? "Nomad doesn't say why"];
}

/** Nomad looks only at nodes that are ready, in the job's datacenters and its node pool. */
function nodeReason({ Datacenters, NodePool }: Job, nodes: Node[] | undefined): string | undefined {
  if (!nodes) return undefined;
  if (nodes.length === 0) return "Nomad has no nodes: no machine is a client";
  const pool = nodes.filter((node) => NodePool === "all" || node.NodePool === NodePool);
  if (pool.length === 0) return `no node is in the node pool ${NodePool}: yours are in ${names(nodes, "NodePool")}`;
  const wanted = Datacenters ?? [];
  const inside = pool.filter(({ Datacenter }) => wanted.some((pattern) => matches(pattern, Datacenter)));
  if (inside.length === 0)
    return `no node is in the datacenter ${anyOf(wanted)}: yours are in ${names(pool, "Datacenter")}`;
  const away = inside.filter((node) => node.Status !== "ready" || node.SchedulingEligibility !== "eligible");
  if (away.length < inside.length) return undefined;
  const states = away.map(({ Name, Status }) => `${Name} is ${Status === "ready" ? "ineligible" : Status}`);
  return `no node takes jobs: ${states.join(", ")}`;
}

const names = (nodes: Node[], what: "Datacenter" | "NodePool") =>
  [...new Set(nodes.map((node) => node[what]))].sort().join(", ");

/** Nomad's datacenters may have `*` for any characters. */
function matches(pattern: string, datacenter: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(datacenter);
}

/** Nomad says this of a node that is like one that it has looked at. */
const likeOthers = "computed class ineligible";

function filterReasons(group: TaskGroup, placement: Placement, nodes?: Node[]): string[] {
  const { [likeOthers]: alike = 0, ...filters } = placement.ConstraintFiltered;
  const entries = Object.entries(filters);
  const isSingle = entries.length === 1;
  const of = (count: number) => `${count} of ${placement.NodesEvaluated} nodes`;
  const sentences = entries.map(
    ([filter, count]) => `${filterWords(group, filter, nodes)} ${of(isSingle ? count + alike : count)}`,
  );
  return alike > 0 && !isSingle ? [...sentences, `${of(alike)} are like these`] : sentences;
}

/** Reads on with "3 of 3 nodes". */
function filterWords(group: TaskGroup, filter: string, nodes?: Node[]): string {
  if (filter === "missing drivers") return `the driver ${missingDrivers(group, nodes)} is missing on`;
  if (filter === "missing compatible host volumes") {
    const volumes = Object.values(group.Volumes ?? {}).map(({ Source }) => Source);
    return `the host volume ${anyOf(volumes)} is missing on`;
  }
  if (filter === "distinct_hosts") return "distinct_hosts: one runs already on";
  // Nomad's own words for what isn't a constraint of the job's file.
  if (/^(missing|did not|CSI|invalid)/.test(filter)) return `${filter}:`;
  return `the constraint ${filter} excludes`;
}

/** The drivers of the group's tasks that some node lacks. */
function missingDrivers({ Tasks }: TaskGroup, nodes: Node[] = []): string {
  const drivers = [...new Set(Tasks.map(({ Driver }) => Driver))];
  const lacking = drivers.filter((driver) => nodes.some(({ Drivers }) => !Drivers?.[driver]?.Healthy));
  return anyOf(lacking.length > 0 ? lacking : drivers);
}

function exhaustionReasons(group: TaskGroup, placement: Placement): string[] {
  const { NodesEvaluated, NodesExhausted, DimensionExhausted } = placement;
  const sentences = Object.entries(DimensionExhausted).map(
    ([dimension, count]) =>
      `${dimension} is exhausted on ${count} of ${NodesEvaluated} nodes${demand(group, dimension)}`,
  );
  if (sentences.length > 0 || NodesExhausted === 0) return sentences;
  return [`resources are exhausted on ${NodesExhausted} of ${NodesEvaluated} nodes`];
}

function demand({ Tasks }: TaskGroup, dimension: string): string {
  const sum = (what: "CPU" | "MemoryMB") => Tasks.reduce((total, task) => total + (task.Resources?.[what] ?? 0), 0);
  if (dimension === "memory") return `: it asks for ${sum("MemoryMB")} MB`;
  if (dimension === "cpu") return `: it asks for ${sum("CPU")} MHz`;
  return "";
}
