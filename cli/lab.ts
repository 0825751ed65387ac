import { createReadStream, existsSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { type Command, Option } from "commander";
import { UserError } from "../lib/errors.ts";
import { stackDir } from "../lib/paths.ts";
import type { Context } from "../lib/program.ts";
import { progressOnStderr } from "../lib/progress.ts";
import { foreground, interrupted } from "../lib/terminal.ts";
import { consoleOf, labStatus, startLab, stopLab } from "../steps/lab/lab.ts";
import { cutMachine, joinMachine, killMachine } from "../steps/lab/machine.ts";
import { sshCommand } from "../steps/lab/ssh.ts";

type Options = { stack: string };

/** What you do to real machines with your hands: power, cables, a screen. */
export function define(lab: Command): void {
  const verb = (usage: string, description: string) =>
    lab
      .command(usage)
      .description(description)
      .addOption(new Option("--stack <stack>", "the lab's stack").default("lab"));

  verb("list", "show the machines, their processes and ports").option("--json", "as JSON").action(list);
  verb("start [machine]", "start a machine, or all with their router").action(
    (name: string | undefined, { stack }: Options) => startLab(folderOf(stack), context(), name),
  );
  verb("stop [machine]", "shut a machine down, or all with their router").action(
    (name: string | undefined, { stack }: Options) => stopLab(folderOf(stack), context(), name),
  );
  verb("kill <machine>", "cut a machine's power").action((name: string, { stack }: Options) =>
    killMachine(folderOf(stack), name),
  );
  verb("cut <machine>", "unplug a machine's network cable").action((name: string, { stack }: Options) =>
    cutMachine(folderOf(stack), name, context()),
  );
  verb("join <machine>", "plug a machine's network cable in again").action((name: string, { stack }: Options) =>
    joinMachine(folderOf(stack), name, context()),
  );
  verb("ssh <machine> [command...]", "log in, or run a command: ./piinit lab ssh pi1 -- uptime").action(ssh);
  verb("console <machine>", "show what a machine printed on its serial console").action(showConsole);
}

async function list({ stack, json }: Options & { json?: boolean }): Promise<void> {
  const machines = await labStatus(folderOf(stack));
  if (json) return void process.stdout.write(`${JSON.stringify(machines)}\n`);
  for (const { name, state, pid, ports } of machines) {
    const where = Object.entries(ports ?? {}).map(([service, port]) => `${service} 127.0.0.1:${port}`);
    process.stdout.write([name, state, ...(pid ? [`process ${pid}`] : []), ...where].join("  ").concat("\n"));
  }
}

async function ssh(name: string, command: string[], { stack }: Options): Promise<void> {
  const { program, args } = await sshCommand(folderOf(stack), name, command);
  process.exitCode = await foreground(program, args);
}

async function showConsole(name: string, { stack }: Options): Promise<void> {
  const { log } = await consoleOf(folderOf(stack), name);
  await pipeline(createReadStream(log), process.stdout, { end: false });
}

function folderOf(stack: string): string {
  const dir = stackDir(stack, "lab");
  if (!existsSync(dir)) throw new UserError(`Stack ${stack} has no lab here. Create it: ./piinit up ${stack}`);
  return dir;
}

const context = (): Context => ({ progress: progressOnStderr(), signal: interrupted });
