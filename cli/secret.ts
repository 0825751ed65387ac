import type { Command } from "commander";
import { openStack, pulumi, runPulumi, type Stack } from "./stack.ts";

const setCommand = (path: string) => ["config", "set", "--secret", "--path", `piinit:${path}`];

/** Puts a secret into a stack's file, encrypted. */
export function addSecret(program: Command): void {
  program
    .command("secret")
    .description("set a secret of a stack: asks for its value, or reads it from standard input")
    .argument("<path>", "where in the settings, such as images.monitor.roles.wifi.passphrase")
    .argument("[stack]", "stack", "lab")
    .action(async (path: string, name: string) => {
      // Pulumi itself asks, so that the value is not shown and never ours.
      await pulumi(await openStack(name), setCommand(path));
    });
}

/** Sets a secret to a known value, which goes to Pulumi on its standard input alone. */
export async function setSecret(stack: Stack, path: string, value: string): Promise<void> {
  await runPulumi(stack, setCommand(path), { input: value });
}
