import type { Command } from "commander";
import { expectedMachines } from "../components/machines.ts";
import type { Settings } from "../components/schema/stack.ts";
import { stackDir } from "../lib/paths.ts";
import { unlessInterrupted } from "../lib/terminal.ts";
import { type ClusterStatus, clusterStatus } from "../steps/cluster/status.ts";
import type { RunningMachine } from "../steps/lab/contract.ts";
import { labStatus, type MachineStatus } from "../steps/lab/lab.ts";
import { lookAtStack } from "./stack/look.ts";
import { stackSettings } from "./stack/settings.ts";
import { readWork } from "./stack/stack-file.ts";

/** Shows which machines answer, which servers lead, and which jobs run. */
export function define(command: Command): void {
  command
    .argument("[stack]", "stack", "lab")
    .option("--json", "as JSON")
    .action(async (name: string, options: { json?: boolean }) => {
      const { isLab } = await readWork(name);
      const virtual = isLab ? await labStatus(stackDir(name, "lab")) : [];
      const settings = await lookAtStack(name, (stack) => stackSettings(stack));
      const { status, hasNomad } = await unlessInterrupted(lookAtCluster(settings, virtual));
      process.stdout.write(options.json ? `${JSON.stringify(status)}\n` : statusText(status, virtual, hasNomad));
    });
}

/** Also says whether the stack has Nomad at all: without it, no answer is no problem. */
async function lookAtCluster(
  settings: Settings,
  virtual: MachineStatus[],
): Promise<{ status: ClusterStatus; hasNomad: boolean }> {
  const running = virtual.flatMap(({ name, ports }) => (ports ? [{ name, ports } as RunningMachine] : []));
  const machines = expectedMachines(settings, running);
  const expectation = { datacenter: settings.datacenter, machines, deadlineSeconds: 0, remedy: "", guards: "" };
  return { status: await clusterStatus(expectation), hasNomad: machines.some(({ nomad }) => nomad !== undefined) };
}

function statusText(
  { machines, consul, nomad, jobs }: ClusterStatus,
  virtual: MachineStatus[],
  hasNomad: boolean,
): string {
  const stateOf = (name: string) => virtual.find((machine) => machine.name === name)?.state;
  const rows = machines.map(({ name, ip, reachable, hostname, problem }) => [
    name,
    ip,
    reachable ? "answers" : (stateOf(name) ?? "no answer"),
    hostname && hostname !== name ? `calls itself ${hostname}` : (problem ?? ""),
  ]);
  const lines = [
    ...table([["MACHINE", "ADDRESS", "STATE", ""], ...rows]),
    "",
    `Consul  ${consul.url ?? "no answer"}  leader ${consul.leader ?? "none"}, servers ${listOf(consul.peers)}`,
    ...(hasNomad
      ? [
          `Nomad   ${nomad.url ?? "no answer"}  leader ${nomad.leader ?? "none"}, servers ${listOf(nomad.servers)}, clients ${listOf(nomad.clients)}`,
        ]
      : []),
    ...(jobs.length > 0 ? ["", ...table([["JOB", "STATUS"], ...jobs.map(({ id, status }) => [id, status])])] : []),
  ];
  return `${lines.join("\n")}\n`;
}

const listOf = (names: string[]) => (names.length > 0 ? names.join(", ") : "none");

function table(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
