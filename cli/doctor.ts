import type { Command } from "commander";
import { describeError, Interrupted } from "../lib/errors.ts";
import { once } from "../lib/once.ts";
import { stackDir } from "../lib/paths.ts";
import { silent } from "../lib/progress.ts";
import { interrupted } from "../lib/terminal.ts";
import { printable } from "../lib/words.ts";
import { checkBuilder } from "../steps/image/remote/remote-build.ts";
import { labStatus } from "../steps/lab/lab.ts";
import { findPulumi } from "../toolchain/pulumi.ts";
import { type Host, howToInstall, missingSystemPackages, thisHost } from "../toolchain/system.ts";
import { checkRouter } from "./doctor/router.ts";
import { describeLock, stackLocks } from "./stack/locks.ts";
import { lookAtStack } from "./stack/look.ts";
import { stackSettings } from "./stack/settings.ts";
import { backendUrl } from "./stack/stack.ts";
import { readWork } from "./stack/stack-file.ts";

interface Finding {
  what: string;
  ok: boolean;
  detail: string;
}

/** Checks everything that `up` needs, and says what is wrong and how to fix it. */
export function define(command: Command): void {
  command
    .argument("[stack]", "stack", "lab")
    .option("--json", "as JSON")
    .action(async (name: string, options: { json?: boolean }) => {
      const findings: Finding[] = [];
      for (const check of checks(name)) {
        findings.push(await find(check));
        interrupted.throwIfAborted();
      }
      const lines = findings.map(({ what, ok, detail }) => `${ok ? "ok  " : "BAD "} ${what}: ${detail}`);
      process.stdout.write(`${options.json ? JSON.stringify(findings) : lines.join("\n")}\n`);
      if (findings.some(({ ok }) => !ok)) process.exitCode = 1;
    });
}

type Check = readonly [what: string, look: () => Promise<string>];

/** Each look returns a description of what it found, or throws what is wrong. */
export function checks(stack: string, host: Host = thisHost()): Check[] {
  const settings = once(() => lookAtStack(stack, (found) => stackSettings(found)));
  return [
    ["Node.js", async () => process.version],
    ["system packages", () => packagesFor(stack, host)],
    ["toolchain", toolchain],
    [
      `settings of ${stack}`,
      async () => {
        const { machines, images } = await settings();
        return `${machines.length} machines, images ${Object.keys(images).join(", ")}`;
      },
    ],
    ["lock", () => lockOf(stack)],
    [
      "builder of images",
      async () => {
        const { builder } = await settings();
        return builder ? checkBuilder(builder, { progress: silent, signal: interrupted }) : "this machine";
      },
    ],
    ["router", async () => checkRouter(await settings(), stack)],
    ["lab machines", () => labMachines(stack, host)],
  ];
}

async function packagesFor(stack: string, host: Host): Promise<string> {
  const missing = await missingSystemPackages(host, await readWork(stack));
  if (missing.length > 0) throw new Error(await howToInstall(missing, host));
  return "all installed";
}

async function toolchain(): Promise<string> {
  const { lines, missingTools } = await findPulumi();
  if (missingTools.length > 0) throw new Error(`missing: ${missingTools.join(", ")}; ./piinit up installs them`);
  return lines.join("; ");
}

async function labMachines(stack: string, { platform }: Host): Promise<string> {
  const { isLab } = await readWork(stack);
  if (isLab && platform !== "linux") throw new Error("the lab runs only on Linux; a builder can build images");
  const machines = await labStatus(stackDir(stack, "lab"));
  const crashed = machines.filter(({ state }) => state === "crashed").map(({ name }) => name);
  if (crashed.length > 0) throw new Error(`crashed: ${crashed.join(", ")}; ./piinit lab start starts them again`);
  return machines.map(({ name, state }) => `${name} ${state}`).join(", ") || "none";
}

async function lockOf(stack: string): Promise<string> {
  const locks = await stackLocks(backendUrl(), stack);
  const lines = locks.map((lock) => describeLock(lock, stack));
  if (locks.some(({ state }) => state !== "held")) throw new Error(lines.join(" "));
  return lines.join(" ") || "none";
}

export async function find([what, look]: Check): Promise<Finding> {
  try {
    return { what, ok: true, detail: await look() };
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    return { what, ok: false, detail: error instanceof Error ? printable(error.message) : describeError(error) };
  }
}
