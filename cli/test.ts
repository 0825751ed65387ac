import { readdir } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { UserError } from "../lib/errors.ts";
import { projectDir } from "../lib/paths.ts";
import { progressOnStderr } from "../lib/progress.ts";
import { hostPlatform } from "../toolchain/platform.ts";
import { packagesToBuild, type WantedTool } from "../toolchain/prerequisites.ts";
import { preparePulumi } from "../toolchain/pulumi.ts";
import { missingSystemPackages, missingTestPackages } from "../toolchain/system.ts";
import { fetchPrograms } from "./stack/programs.ts";
import { installMissing } from "./stack/stack.ts";

/** From fast to slow; each tests only what a faster one can't. */
const suites = ["unit", "engine", "e2e"];
/**
 * Every board's image, built and booted; the agents' pages in a browser; the project on each Debian; a lab whose machines are
 * replaced or lost; what goes wrong with the slower routers; machines that take a new image; a lab that moves from an earlier version.
 * They take long, and run only when named.
 */
const heavySuites = ["boards", "browser", "debian", "lab", "routers", "updates", "upgrades"];
const allSuites = [...suites, ...heavySuites];

export function define(command: Command): void {
  command
    .argument("[suite...]", "suites to run")
    .option("--grep <text>", "run only tests whose title contains this text")
    .action(async (named: string[], options: { grep?: string }) => {
      const unknown = named.filter((suite) => !allSuites.includes(suite));
      if (unknown.length > 0)
        throw new UserError(`There is no test suite ${unknown.join(", ")}; suites: ${allSuites.join(", ")}`);
      const selected = named.length > 0 ? named : suites;
      const forTests = await missingTestPackages(selected);
      const needsTools = selected.some((suite) => suite !== "unit");
      const forTools = needsTools ? await packagesToBuild(wantedTools(), { progress: progressOnStderr() }) : [];
      await installMissing([...(await missingSystemPackages()), ...forTests, ...forTools]);
      if (needsTools) await fetchToolchain();
      process.exitCode = await runTests(selected, options.grep);
    });
}

/** Runs before the tests, because building the tools takes longer than any test may. */
async function fetchToolchain(): Promise<void> {
  await preparePulumi(progressOnStderr());
  await fetchPrograms(wantedTools().filter(({ name }) => name !== "pulumi"));
}

function wantedTools(): WantedTool[] {
  const { architecture } = hostPlatform();
  return (["pulumi", "consul", "nomad"] as const).map((name) => ({ name, architecture }));
}

/** These suites' files know nothing of each other, and mostly wait: for a virtual machine, Pulumi or Raft. */
const sideBySide = ["engine", "unit"];

async function runTests(selected: string[], grep?: string): Promise<number> {
  const together = selected.filter((suite) => sideBySide.includes(suite));
  const alone = selected.filter((suite) => !sideBySide.includes(suite));
  const sum = { passes: 0, failures: 0, pending: 0 };
  for (const [suites, jobs] of [[together, 2] as const, [alone, 1] as const]) {
    const files = (await Promise.all(suites.map(testFiles))).flat();
    const { passes, failures, pending } = await runFiles(files, jobs, grep);
    sum.passes += passes;
    sum.failures += failures;
    sum.pending += pending;
  }
  const { passes, failures, pending } = sum;
  process.stdout.write(`${passes} passed, ${failures} failed${pending ? `, ${pending} skipped` : ""}\n`);
  return failures > 0 || passes === 0 ? 1 : 0;
}

/** Runs this many files at a time. */
async function runFiles(files: string[], jobs: number, grep?: string) {
  const none = { passes: 0, failures: 0, pending: 0 };
  if (files.length === 0) return none;
  const { default: Mocha } = await import("mocha");
  const mocha = new Mocha({ reporter: "spec", timeout: "2m", parallel: jobs > 1, jobs, ...(grep && { grep }) });
  for (const file of files) mocha.addFile(file);
  if (jobs === 1) await mocha.loadFilesAsync();
  return new Promise<typeof none>((resolve) => {
    const runner = mocha.run((failures) => resolve({ ...none, ...runner.stats, failures }));
  });
}

async function testFiles(suite: string): Promise<string[]> {
  const folder = path.join(projectDir, "test", suite);
  const files = await readdir(folder, { recursive: true });
  return files
    .filter((file) => file.endsWith(".test.ts"))
    .sort()
    .map((file) => path.join(folder, file));
}
