import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { secretPath } from "../components/short-forms.ts";
import { refuseAltered } from "../components/source.ts";
import { question, unlessInterrupted } from "../lib/terminal.ts";
import { setSecret } from "./stack/new-stack.ts";
import { prepareStack } from "./stack/stack.ts";
import { readWritten } from "./stack/stack-file.ts";

/** Writes a secret into a stack's file, encrypted. */
export function define(command: Command): void {
  command
    .argument("<path>", "path of the setting, such as images.monitor.roles.wifi.passphrase")
    .argument("[stack]", "stack", "lab")
    .action(async (given: string, name: string) => {
      // Fails if there is no such stack, before anybody types a secret.
      const path = secretPath(await readWritten(name), given, name);
      refuseAltered(name); // Pulumi rewrites the file.
      const value = await readValue(path);
      await setSecret(await prepareStack(name), path, value);
    });
}

async function readValue(path: string): Promise<string> {
  const meaning = "Interrupted. Nothing was set.";
  if (process.stdin.isTTY) return question(`Value of ${path} (not shown): `, { hidden: true, meaning });
  return unlessInterrupted(text(process.stdin));
}
