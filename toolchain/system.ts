import { UserError } from "../lib/errors.ts";
import { contentsOf, type Environment, findOnPath, missingPackages, type SystemPackage } from "../lib/host.ts";
import type { Progress } from "../lib/progress.ts";
import { run } from "../lib/run.ts";
import { quoteCommand } from "../lib/shell.ts";
import {
  basicPackages,
  emulationPackages,
  emulatorPackages,
  imagePackages,
  labPackages,
  suitePackages,
  testPackages,
} from "./packages.ts";

/** What installing packages needs to know about this machine. */
export interface Host {
  platform: NodeJS.Platform;
  arch: NodeJS.Architecture;
  isRoot: boolean;
  environment: Environment;
}

export function thisHost(): Host {
  return { platform: process.platform, arch: process.arch, isRoot: process.getuid?.() === 0, environment: process.env };
}

/** What a stack does on this machine. */
export interface Work {
  /** It runs virtual machines. */
  isLab: boolean;
  /** It builds its images here, not on another machine. */
  buildsHere: boolean;
  /** Some of these are for boards of another architecture. */
  emulates: boolean;
}

const allWork: Work = { isLab: true, buildsHere: true, emulates: true };

/** The packages that the work needs and the machine lacks, in the order of their use. */
export async function missingSystemPackages(host: Host = thisHost(), work: Work = allWork): Promise<SystemPackage[]> {
  const emulator = host.arch === "arm64" ? emulatorPackages.arm64 : emulatorPackages.x64;
  const needed = [
    ...(work.isLab ? [emulator, ...labPackages] : []),
    ...(work.buildsHere ? imagePackages : []),
    ...(work.emulates ? emulationPackages : []),
    ...basicPackages,
  ];
  return missingPackages(needed, host.environment);
}

/** The packages that only those suites of tests need. */
export function missingTestPackages(suites: readonly string[], host: Host = thisHost()): Promise<SystemPackage[]> {
  const more = suites.flatMap((suite) => suitePackages[suite] ?? []);
  return missingPackages([...testPackages, ...more], host.environment);
}

export interface InstallOptions {
  /** Asks the user a yes-or-no question; undefined without a terminal. */
  ask?: ((question: string) => Promise<boolean>) | undefined;
  progress: Progress;
  signal?: AbortSignal | undefined;
  host?: Host | undefined;
}

/**
 * Installs packages with apt: at once as root, after asking and with sudo otherwise.
 * If that isn't possible, a UserError says what is missing and which command installs it.
 */
export async function installSystemPackages(
  missing: readonly SystemPackage[],
  { ask, progress, signal, host = thisHost() }: InstallOptions,
): Promise<void> {
  if (missing.length === 0) return;
  const apt = await findOnPath("apt-get", host.environment);
  if (host.platform !== "linux" || !apt) throw new UserError(await missingElsewhere(missing, host));
  if (!host.isRoot) await agree(missing, host, ask);

  const names = missing.map(({ debian }) => debian);
  progress.step(`installing ${names.join(", ")}`);
  const settings = { env: { PATH: host.environment.PATH ?? "" } };
  for (const [program = "", ...args] of aptCommands(names, host)) {
    // apt ends cleanly on the terminal's own ^C; a signal from us could leave packages half installed.
    const running = run(program, args, { ...settings, onLine: (line) => reportPackage(line, progress) });
    await running.finally(() => signal?.throwIfAborted());
  }
  const failed = await missingPackages(missing, host.environment);
  if (failed.length) {
    throw new UserError(`apt-get installed ${list(failed)}, but ${wants(failed)} can't be found on PATH`);
  }
}

/** Lines of apt's output that show its progress. */
function reportPackage(line: string, progress: Progress): void {
  if (/^(Need to get|Setting up)/.test(line)) progress.step(line.replace(/ \.\.\.$/, ""));
}

function aptCommands(names: readonly string[], { isRoot }: Host): string[][] {
  const apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
  const start = isRoot ? apt : ["sudo", ...apt];
  return [
    [...start, "update"],
    [...start, "install", "-y", "--no-install-recommends", ...names],
  ];
}

/** What to do about missing packages, for commands that change nothing. */
export async function howToInstall(missing: readonly SystemPackage[], host: Host = thisHost()): Promise<string> {
  const hasApt = host.platform === "linux" && (await findOnPath("apt-get", host.environment)) !== undefined;
  return hasApt ? `missing: ${list(missing)}; ./piinit up installs them` : await missingElsewhere(missing, host);
}

async function agree(missing: readonly SystemPackage[], host: Host, ask: InstallOptions["ask"]): Promise<void> {
  const hasSudo = (await findOnPath("sudo", host.environment)) !== undefined;
  const question = `piinit needs ${list(missing)} from this system's packages. Install with sudo?`;
  if (ask && hasSudo && (await ask(question))) return;
  const commands = aptCommands(
    missing.map(({ debian }) => debian),
    { ...host, isRoot: !hasSudo },
  );
  throw new UserError(
    [
      `${list(missing)} (for ${wants(missing)}) must be installed first.`,
      hasSudo ? "Run this, then try again:" : "Run this as root, then try again:",
      ...commands.map(([program = "", ...args]) => `  ${quoteCommand(program, args)}`),
    ].join("\n"),
  );
}

const otherManagers = [
  { program: "dnf", key: "fedora", install: ["sudo", "dnf", "install"] },
  { program: "brew", key: "homebrew", install: ["brew", "install"] },
] as const;

async function missingElsewhere(missing: readonly SystemPackage[], host: Host): Promise<string> {
  const lines = [`This system lacks ${wants(missing)}, and piinit installs packages only with apt (Debian, Ubuntu).`];
  for (const { program, key, install } of otherManagers) {
    if (!(await findOnPath(program, host.environment))) continue;
    const names = [...new Set(missing.flatMap((item) => item[key] ?? []))];
    const none = missing.filter((item) => !item[key]);
    if (names.length)
      lines.push("Run this, then try again:", `  ${quoteCommand(install[0], [...install.slice(1), ...names])}`);
    if (none.length)
      lines.push(`There is no such package of ${program} for ${wants(none)}: use a Debian or Ubuntu machine for that.`);
    return lines.join("\n");
  }
  return [
    ...lines,
    `On Debian they come with ${list(missing)}; look for your system's packages of these programs.`,
  ].join("\n");
}

const list = (items: readonly SystemPackage[]) => items.map(({ debian }) => debian).join(", ");
const wants = (items: readonly SystemPackage[]) => contentsOf(items).join(", ");
