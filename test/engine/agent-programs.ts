import { createWriteStream, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { silent } from "../../lib/progress.ts";
import { getTool } from "../../toolchain/tools.ts";

export type AgentName = "consul" | "nomad";

/** A Consul or Nomad that keeps its data on a disk, so that it can be killed and started again. */
export type AgentProgram = ReturnType<typeof startProgram>;

/** Starts an agent with that configuration and the data that its folder has, which gets its log, too. */
export type Launch = (agent: AgentName, folder: string, configuration: object) => AgentProgram;

/** Where the programs are. */
export async function agentPrograms(): Promise<Record<AgentName, string>> {
  return {
    consul: (await getTool("consul", { progress: silent })).path,
    nomad: (await getTool("nomad", { progress: silent })).path,
  };
}

/** Finds the programs, so that starting one needs no waiting. */
export async function agentLauncher(): Promise<Launch> {
  const programs = await agentPrograms();
  return (agent, folder, configuration) => {
    mkdirSync(folder, { recursive: true });
    const file = path.join(folder, "agent.json");
    writeFileSync(file, JSON.stringify({ ...configuration, data_dir: path.join(folder, "data") }));
    const option = agent === "consul" ? "-config-file" : "-config";
    return startProgram(programs[agent], ["agent", option, file], folder);
  };
}

/** With some of the variables that a developer's shell may have, e.g. AWS_CA_BUNDLE, Nomad refuses to start. */
function startProgram(program: string, args: string[], home: string) {
  const env = { PATH: process.env.PATH ?? "", HOME: home };
  const child = execa(program, args, {
    env,
    extendEnv: false,
    cwd: home,
    reject: false,
    all: true,
    buffer: false,
    stdin: "ignore",
  });
  child.all.pipe(createWriteStream(path.join(home, "log"), { flags: "a" }));
  return child;
}
