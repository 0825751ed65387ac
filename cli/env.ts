import type { Command } from "commander";
import { writeFileWhole } from "../lib/files.ts";
import { stackDir } from "../lib/paths.ts";
import { quote } from "../lib/shell.ts";
import { findPulumi } from "../toolchain/pulumi.ts";
import { agentsIn } from "./stack/agents.ts";
import { lookAtStack, requireTools } from "./stack/look.ts";
import { backendUrl } from "./stack/stack.ts";
import { readStackFile } from "./stack/stack-file.ts";
import { readState, type StackState } from "./stack/state.ts";

/** Prints the variables with which the commands of Pulumi, Consul and Nomad work on the same stack. */
export function define(command: Command): void {
  command
    .argument("[stack]", "stack", "lab")
    .option("--json", "as JSON")
    .action(async (name: string, options: { json?: boolean }) => {
      await readStackFile(name);
      const found = await findPulumi();
      requireTools(found, name);
      const agents = await lookAtStack(name, async (stack) => agentsEnv(name, await readState(stack)));
      const env = { ...found.env, PULUMI_BACKEND_URL: backendUrl(), ...agents };
      const lines = Object.entries(env).map(([key, value]) => `export ${key}=${quote(value)}`);
      process.stdout.write(`${options.json ? JSON.stringify(env) : lines.join("\n")}\n`);
    });
}

/** For Consul's and Nomad's own commands, with the agents that `up` found last; none before that. */
async function agentsEnv(stack: string, state: StackState): Promise<Record<string, string>> {
  const agents = agentsIn(state);
  if (!agents) return {};
  const { consulUrl, nomadUrl, access } = agents;
  const file = stackDir(stack, "ca.pem");
  await writeFileWhole(file, access.ca, 0o644);
  return {
    CONSUL_HTTP_ADDR: consulUrl,
    CONSUL_CACERT: file,
    CONSUL_HTTP_TOKEN: access.consul,
    ...(nomadUrl !== undefined && { NOMAD_ADDR: nomadUrl, NOMAD_CACERT: file, NOMAD_TOKEN: access.nomad }),
  };
}
