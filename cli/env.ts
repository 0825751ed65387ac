import type { Command } from "commander";
import { quote } from "../lib/shell.ts";
import { findPulumi } from "../toolchain/pulumi.ts";
import { requireTools } from "./stack/look.ts";
import { backendUrl } from "./stack/stack.ts";
import { readStackFile } from "./stack/stack-file.ts";

/** Prints the variables with which Pulumi's own commands work on the same state. */
export function define(command: Command): void {
  command
    .argument("[stack]", "stack", "lab")
    .option("--json", "as JSON")
    .action(async (name: string, options: { json?: boolean }) => {
      await readStackFile(name);
      const found = await findPulumi();
      requireTools(found, name);
      const env = { ...found.env, PULUMI_BACKEND_URL: backendUrl() };
      const lines = Object.entries(env).map(([key, value]) => `export ${key}=${quote(value)}`);
      process.stdout.write(`${options.json ? JSON.stringify(env) : lines.join("\n")}\n`);
    });
}
