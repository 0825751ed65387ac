import type { Command } from "commander";
import { checkBuilder } from "../commands/image/remote/build.ts";
import { labStatus } from "../commands/lab/lab.ts";
import { describeError } from "../lib/errors.ts";
import { stackDir } from "../lib/paths.ts";
import { silent } from "../lib/progress.ts";
import { preparePulumi } from "../toolchain/pulumi.ts";
import { missingSystemPackages, thisHost } from "../toolchain/system.ts";
import { describeLock, stackLocks } from "./locks.ts";
import { stackSettings } from "./settings.ts";
import { backendUrl, openStack, readWork } from "./stack.ts";

interface Finding {
  what: string;
  ok: boolean;
  detail: string;
}

/** Looks at everything that `up` needs, and tells what is wrong and what to do about it. */
export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description("check this machine, the tools and a stack's settings")
    .argument("[stack]", "stack", "lab")
    .option("--json", "as JSON")
    .action(async (name: string, options: { json?: boolean }) => {
      const findings: Finding[] = [];
      for (const [what, look] of checks(name)) findings.push(await find(what, look));
      const lines = findings.map(({ what, ok, detail }) => `${ok ? "ok  " : "BAD "} ${what}: ${detail}`);
      process.stdout.write(`${options.json ? JSON.stringify(findings) : lines.join("\n")}\n`);
      if (findings.some(({ ok }) => !ok)) process.exitCode = 1;
    });
}

type Check = readonly [what: string, look: () => Promise<string>];

/** Each look returns what is well, or throws what is not. */
function checks(stack: string): Check[] {
  return [
    ["Node.js", async () => process.version],
    [
      "system packages",
      async () => {
        const missing = (await missingSystemPackages(thisHost(), await readWork(stack))).map(({ debian }) => debian);
        if (missing.length > 0) throw new Error(`missing: ${missing.join(", ")}; ./piinit up installs them`);
        return "all there";
      },
    ],
    ["toolchain", async () => (await preparePulumi(silent)).lines.join("; ")],
    [
      `settings of ${stack}`,
      async () => {
        const { machines, images } = await stackSettings(await openStack(stack));
        return `${machines.length} machines, images ${Object.keys(images).join(", ")}`;
      },
    ],
    ["lock", () => lockOf(stack)],
    [
      "builder of images",
      async () => {
        const { builder } = await stackSettings(await openStack(stack));
        if (!builder) return "this machine";
        return checkBuilder(builder, { progress: silent, signal: new AbortController().signal });
      },
    ],
    [
      "lab machines",
      async () => {
        const machines = await labStatus(stackDir(stack, "lab"));
        const crashed = machines.filter(({ state }) => state === "crashed").map(({ name }) => name);
        if (crashed.length > 0) throw new Error(`crashed: ${crashed.join(", ")}; ./piinit lab start starts them again`);
        return machines.map(({ name, state }) => `${name} ${state}`).join(", ") || "none";
      },
    ],
  ];
}

async function lockOf(stack: string): Promise<string> {
  const locks = await stackLocks(backendUrl(), stack);
  const lines = locks.map((lock) => describeLock(lock, stack));
  if (locks.some(({ state }) => state !== "held")) throw new Error(lines.join(" "));
  return lines.join(" ") || "none";
}

async function find(what: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { what, ok: true, detail: await look() };
  } catch (error) {
    return { what, ok: false, detail: error instanceof Error ? error.message : describeError(error) };
  }
}
