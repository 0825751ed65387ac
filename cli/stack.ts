import { existsSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parse } from "yaml";
import { architectureOf, isBoard } from "../commands/image/boards/catalogue.ts";
import { UserError } from "../lib/errors.ts";
import type { SystemPackage } from "../lib/packages.ts";
import { projectDir } from "../lib/paths.ts";
import { progressOnStderr } from "../lib/progress.ts";
import { type RunOptions, run } from "../lib/run.ts";
import { hostPlatform } from "../toolchain/platform.ts";
import { packagesToBuild, type WantedTool } from "../toolchain/prerequisites.ts";
import { preparePulumi } from "../toolchain/pulumi.ts";
import { installSystemPackages, missingSystemPackages, thisHost, type Work } from "../toolchain/system.ts";
import { programsInFile } from "./programs.ts";
import { confirm, foreground, interrupted, isTerminal } from "./terminal.ts";

const stacksDir = path.join(projectDir, "stacks");
const stateDir = path.join(projectDir, ".piinit");

/** A stack that is ready for Pulumi: everything installed, the stack known to its backend. */
export interface Stack {
  name: string;
  /** Virtual machines only, made to be thrown away. */
  isLab: boolean;
  /** What Pulumi needs in its environment. */
  env: Record<string, string>;
}

/** Where states are kept: absolute, so that Pulumi's own commands work in every folder of the project. */
export const backendUrl = (): string => process.env.PULUMI_BACKEND_URL ?? pathToFileURL(stateDir).href;

/**
 * Installs what is missing and makes the stack known to Pulumi; safe to repeat, quick when there is nothing to do.
 * @param builds which of the stack's images are going to be built
 */
export async function openStack(name: string, builds: (image: string) => boolean = () => false): Promise<Stack> {
  const work = await readWork(name);
  const progress = progressOnStderr();
  const forTools = await packagesToBuild(await wantedTools(name, work, builds), { progress, signal: interrupted });
  await installMissing([...(await missingSystemPackages(thisHost(), work)), ...forTools]);
  const { env } = await preparePulumi(progress, { signal: interrupted });
  const stack = { name, isLab: work.isLab, env: { ...env, PULUMI_BACKEND_URL: backendUrl() } };
  if (!existsSync(path.join(stateDir, ".pulumi", "stacks", "piinit", `${name}.json`))) await createStack(stack);
  return stack;
}

/** Pulumi, and what the images hold that are built here. */
async function wantedTools(name: string, work: Work, builds: (image: string) => boolean): Promise<WantedTool[]> {
  const { architecture } = hostPlatform();
  const inImages = work.buildsHere ? programsInFile(await readStackFile(name), builds, architecture) : [];
  return [{ name: "pulumi", architecture }, ...inImages];
}

/** Installs packages of the operating system, after asking where somebody can answer. */
export async function installMissing(missing: SystemPackage[]): Promise<void> {
  const ask = isTerminal() ? confirm : undefined;
  await installSystemPackages(missing, { progress: progressOnStderr(), signal: interrupted, ask });
}

/** What the stack's file asks of this machine; a UserError names the stacks that there are when it does not exist. */
export async function readWork(name: string): Promise<Work> {
  const config = await readStackFile(name);
  const buildsHere = !Object.hasOwn(config, "piinit:builder");
  return { isLab: Object.hasOwn(config, "piinit:lab"), buildsHere, emulates: buildsHere && hasForeignBoard(config) };
}

/** Faults of the settings are told later, all at once. */
function hasForeignBoard(config: Record<string, unknown>): boolean {
  const host = hostPlatform().architecture;
  const images: unknown[] = Object.values(config["piinit:images"] ?? {});
  return images.some((image) => {
    const board = (image as { board?: unknown } | null)?.board;
    return isBoard(board) && architectureOf(board, host) !== host;
  });
}

/** The stack's settings as they stand in its file, secrets encrypted; fails like `readWork`. */
export async function readStackFile(name: string): Promise<Record<string, unknown>> {
  const file = path.join(stacksDir, `Pulumi.${name}.yaml`);
  if (!existsSync(file)) {
    const known = (await readdir(stacksDir)).flatMap((entry) => /^Pulumi\.(.+)\.yaml$/.exec(entry)?.[1] ?? []);
    throw new UserError(
      `There is no stack ${name}: stacks/Pulumi.${name}.yaml does not exist. Stacks: ${known.join(", ")}`,
    );
  }
  const { config } = (parse(await readFile(file, "utf8")) ?? {}) as { config?: Record<string, unknown> | null };
  return config ?? {};
}

async function createStack(stack: Stack): Promise<void> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  await runPulumi(stack, ["stack", "init"]);
}

/** Runs Pulumi in the foreground, with its own display, and takes over its exit code. */
export async function pulumi(stack: Stack, args: string[]): Promise<void> {
  process.exitCode = await foreground("pulumi", [...args, "--stack", stack.name], { cwd: projectDir, env: stack.env });
}

/**
 * Runs Pulumi unattended and returns what it prints. ^C asks it to end once: it finishes its work in order then, and
 * leaves no lock.
 */
export async function runPulumi(stack: Stack, args: string[], options: RunOptions = {}): Promise<string> {
  return await run("pulumi", [...args, "--non-interactive", "--stack", stack.name], {
    signal: interrupted,
    cleansUp: true,
    ownSession: true,
    ...options,
    cwd: projectDir,
    env: { ...stack.env, ...options.env },
  });
}
