import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { refuseAltered } from "../../components/source.ts";
import { UserError } from "../../lib/errors.ts";
import type { SystemPackage } from "../../lib/host.ts";
import { projectDir } from "../../lib/paths.ts";
import { progressOnStderr } from "../../lib/progress.ts";
import { type RunOptions, run } from "../../lib/run.ts";
import { confirm, foreground, interrupted, isTerminal } from "../../lib/terminal.ts";
import { hostPlatform } from "../../toolchain/platform.ts";
import { packagesToBuild, type WantedTool } from "../../toolchain/prerequisites.ts";
import { preparePulumi } from "../../toolchain/pulumi.ts";
import { installSystemPackages, missingSystemPackages, thisHost, type Work } from "../../toolchain/system.ts";
import { backendFolder, stateFiles } from "./backend.ts";
import { programsInFile } from "./programs.ts";
import { readStackFile, readWork } from "./stack-file.ts";
import { wrongPassphrase } from "./stack-passphrase.ts";

/** A stack on which Pulumi can run. */
export interface Stack {
  name: string;
  /** It has only virtual machines, made to be thrown away. */
  isLab: boolean;
  /** Where Pulumi finds the project and the stack's settings. */
  dir: string;
  /** Environment variables for Pulumi. */
  env: Record<string, string>;
}

const stateDir = path.join(projectDir, ".piinit");

/** Where states are stored; absolute, so that Pulumi finds them from any folder. */
export function backendUrl(): string {
  const url = process.env.PULUMI_BACKEND_URL ?? pathToFileURL(stateDir).href;
  const folder = backendFolder(url);
  return folder === undefined ? url : pathToFileURL(folder).href + (/\?.*$/.exec(url)?.[0] ?? "");
}

/**
 * Installs what is missing and creates the stack in its backend; safe to repeat, quick when there is nothing to do.
 * @param builds which of the stack's images will be built
 */
export async function prepareStack(name: string, builds: (image: string) => boolean = () => false): Promise<Stack> {
  const work = await readWork(name);
  const progress = progressOnStderr();
  const forTools = await packagesToBuild(await wantedTools(name, work, builds), { progress, signal: interrupted });
  await installMissing([...(await missingSystemPackages(thisHost(), work)), ...forTools]);
  const { env } = await preparePulumi(progress, { signal: interrupted });
  const stack = { name, isLab: work.isLab, dir: projectDir, env: { ...env, PULUMI_BACKEND_URL: backendUrl() } };
  if (!(await isMade(stack))) await makeStack(stack);
  return stack;
}

/** Pulumi, and the programs in images that are built here. */
async function wantedTools(name: string, work: Work, builds: (image: string) => boolean): Promise<WantedTool[]> {
  const { architecture } = hostPlatform();
  const inImages = work.buildsHere ? programsInFile(await readStackFile(name), builds, architecture) : [];
  return [{ name: "pulumi", architecture }, ...inImages];
}

/** Installs packages of the operating system; asks first if there is a terminal. */
export async function installMissing(missing: SystemPackage[]): Promise<void> {
  const ask = isTerminal() ? confirm : undefined;
  await installSystemPackages(missing, { progress: progressOnStderr(), signal: interrupted, ask });
}

/** Whether the backend has the stack. A backend that fails counts as "yes": the next command reports the reason. */
export async function isMade(stack: Stack): Promise<boolean> {
  const folder = backendFolder(stack.env.PULUMI_BACKEND_URL ?? "");
  // Faster than Pulumi, which also initialises an empty folder as a backend merely by looking into it.
  if (folder !== undefined) return stateFiles(folder, stack.name).some((file) => existsSync(file));
  return runPulumi(stack, ["stack", "export"]).then(
    () => true,
    (error: unknown) => !(error instanceof UserError && error.message.includes("no stack named")),
  );
}

async function makeStack(stack: Stack): Promise<void> {
  if (backendFolder(stack.env.PULUMI_BACKEND_URL ?? "") === stateDir) {
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
  }
  refuseAltered(stack.name); // Pulumi rewrites the file.
  await runPulumi(stack, ["stack", "select", "--create"]);
}

/** Runs Pulumi in the foreground with its own display, and exits with its exit code. */
export async function pulumi({ name, dir, env }: Stack, args: string[]): Promise<void> {
  process.exitCode = await foreground("pulumi", [...args, "--stack", name], { cwd: dir, env });
}

/** A lab is disposable, so Pulumi doesn't ask; for everything else it shows its plan and asks, except with --yes. */
export function consent({ isLab }: Stack, yes = false): string[] {
  return isLab || yes ? ["--yes", "--skip-preview"] : [];
}

/**
 * Runs Pulumi unattended and returns its output. ^C is passed on once, so that Pulumi stops cleanly and leaves no lock.
 */
export async function runPulumi(stack: Stack, args: string[], options: RunOptions = {}): Promise<string> {
  try {
    return await run("pulumi", [...args, "--non-interactive", "--stack", stack.name], {
      signal: interrupted,
      cleansUp: true,
      ownSession: true,
      ...options,
      cwd: stack.dir,
      env: { ...stack.env, ...options.env },
    });
  } catch (error) {
    if (!(error instanceof UserError && error.message.includes("incorrect passphrase"))) throw error;
    const file = stack.env.PULUMI_CONFIG_PASSPHRASE_FILE ?? process.env.PULUMI_CONFIG_PASSPHRASE_FILE;
    throw wrongPassphrase(stack.name, file);
  }
}
