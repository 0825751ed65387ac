import path from "node:path";
import type { Command } from "commander";
import { unlessInterrupted } from "../lib/terminal.ts";
import { lookAtStack } from "./stack/look.ts";
import { stackSettings } from "./stack/settings.ts";
import { takeSnapshot } from "./stack/snapshots.ts";
import { stackPassphrase } from "./stack/stack-passphrase.ts";

const more = `
Has Consul's keys and Nomad's jobs and variables, encrypted with the passphrase of the stack's secrets.
A quorum is enough: machines may be off. ./piinit restore brings it into a new cluster.`;

/** Writes all that Consul and Nomad have into one encrypted file. */
export function define(command: Command): void {
  command
    .argument("[stack]", "stack", "lab")
    .argument("[file]", "file to create (default: a new one in .piinit/STACK/snapshots)")
    .addHelpText("after", more)
    .action(async (name: string, file: string | undefined) => {
      const {
        file: written,
        bytes,
        snapshot,
      } = await lookAtStack(name, async (stack) => {
        const settings = await stackSettings(stack);
        const passphrase = await unlessInterrupted(stackPassphrase(name));
        return takeSnapshot(stack, settings, passphrase, file && path.resolve(process.env.INIT_CWD ?? "", file));
      });
      const versions = [
        `Consul ${snapshot.consul.version}`,
        ...(snapshot.nomad ? [`Nomad ${snapshot.nomad.version}`] : []),
      ];
      process.stdout.write(`${written}  ${bytes} bytes: ${versions.join(", ")}\n`);
    });
}
