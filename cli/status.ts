import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { remedy } from "../components/remedy.ts";
import type { Settings } from "../components/schema/stack.ts";
import { interrupted, unlessInterrupted } from "../lib/terminal.ts";
import type { Access } from "../steps/agents.ts";
import type { Problem } from "../steps/cluster/status.ts";
import type { MachineStatus } from "../steps/lab/lab.ts";
import { endingCertificates } from "./stack/certificates.ts";
import { accessIn, machinesAt, virtualMachines } from "./stack/cluster-machines.ts";
import { lookAtStack } from "./stack/look.ts";
import { newestImages } from "./stack/newest-images.ts";
import { stackSettings } from "./stack/settings.ts";
import type { Stack } from "./stack/stack.ts";
import { readState } from "./stack/state.ts";
import { statusScreen } from "./status/screen.ts";
import { type StackStatus, stackStatus } from "./status/stack-status.ts";

interface Options {
  json?: boolean;
  watch?: boolean;
}

const exitCodes = { healthy: 0, degraded: 1, "no quorum": 2 };

export function define(command: Command): void {
  command
    .argument("[stack]", "stack", "lab")
    .option("--json", "as JSON")
    .option("-w, --watch", "show it again and again until ^C")
    .addHelpText("after", "\nThe exit code is 0 if all is well, 1 if something is missing, 2 without a quorum.")
    .action(async (name: string, options: Options) => {
      const known = await lookAtStack(name, lookUp);
      do {
        const { status, virtual } = await unlessInterrupted(look(name, known));
        show(status, virtual, options);
        process.exitCode = exitCodes[status.state];
      } while (options.watch && (await pause()));
    });
}

interface Known {
  settings: Settings;
  access: Access | undefined;
  /** Of the stack itself, whatever its machines answer. */
  problems: Problem[];
  /** The image that each machine is to have. */
  newest: ReadonlyMap<string, string>;
}

async function lookUp(stack: Stack): Promise<Known> {
  const [settings, state] = await Promise.all([stackSettings(stack), readState(stack)]);
  return {
    settings,
    access: accessIn(state),
    problems: endingCertificates(state, stack.name),
    newest: newestImages(state),
  };
}

async function look(
  name: string,
  { settings, access, problems, newest }: Known,
): Promise<{ status: StackStatus; virtual: MachineStatus[] }> {
  const virtual = await virtualMachines(name, settings);
  const machines = machinesAt(settings, virtual);
  const { datacenter } = settings;
  const expectation = { datacenter, machines, access, deadlineSeconds: 0, remedy: remedy(name, settings), guards: "" };
  const status = await stackStatus(expectation, newest, interrupted);
  return { status: { ...status, problems: [...status.problems, ...problems] }, virtual };
}

/** Clears the terminal before it shows the next one. */
function show(status: StackStatus, virtual: MachineStatus[], { json, watch }: Options): void {
  const clear = watch && !json && process.stdout.isTTY ? "\u001b[H\u001b[2J" : "";
  process.stdout.write(clear + (json ? `${JSON.stringify(status)}\n` : statusScreen(status, virtual)));
}

/** False after ^C, which ends the watch in order. */
const pause = () => sleep(2000, true, { signal: interrupted }).catch(() => false);
