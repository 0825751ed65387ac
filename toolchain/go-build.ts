import { cp, mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { UserError } from "../lib/errors.ts";
import { type Environment, findOnPath, type SystemPackage } from "../lib/host.ts";
import { projectDir } from "../lib/paths.ts";
import type { Progress } from "../lib/progress.ts";
import { run } from "../lib/run.ts";
import { compilerPackages, crossCompilerPackages, goPackage } from "./packages.ts";
import { hostPlatform } from "./platform.ts";
import { goTarget, type Platform, type Tool } from "./versions.ts";

const wrappers = path.join(projectDir, "toolchain/go");
const reportMs = 20_000;

/** From this version on, Go downloads the newer Go that a module requires. */
const oldestGo = [1, 21] as const;

export interface BuildOptions {
  environment: Environment;
  progress: Progress;
  signal?: AbortSignal | undefined;
}

/** Builds the tool's program into a folder. Takes minutes, and gigabytes in Go's own cache. */
export async function buildFromModule(
  tool: Tool,
  platform: Platform,
  folder: string,
  { environment, progress, signal }: BuildOptions,
): Promise<void> {
  const go = await findOnPath("go", environment);
  if (!go) throw new UserError("there is no Go on PATH to build it from its Go module");
  await checkGo(go, environment);
  const compiler = await findCompiler(tool, platform, environment);

  const work = path.join(folder, ".work");
  await mkdir(path.join(work, "tmp"), { recursive: true });
  // Go writes to the module's own files, so it gets copies.
  await cp(path.join(wrappers, tool.name), work, { recursive: true });

  const report = reportWhile(`${tool.name} ${tool.version} for ${platform.architecture}`, progress);
  try {
    await run(go, buildArguments(tool, path.join(folder, tool.name)), {
      cwd: work,
      cleanEnv: true,
      env: buildEnvironment(tool, platform, environment, compiler, path.join(work, "tmp")),
      hint: "Go couldn't build it. Is there enough room on the disk, and can Go's module proxy be reached?",
      onLine: report.line,
      ...(signal && { signal }),
    });
  } finally {
    report.end();
  }
  await rm(work, { recursive: true, force: true, maxRetries: 5 });
}

function buildArguments({ module }: Tool, output: string): string[] {
  const variables = Object.entries(module.variables).map(([name, value]) => `-X ${name}=${value}`);
  const linker = ["-s", "-w", ...variables].join(" ");
  return ["build", "-trimpath", "-ldflags", linker, "-o", output, module.package];
}

/** The user's environment without variables that would change the result. */
function buildEnvironment(
  tool: Tool,
  platform: Platform,
  environment: Environment,
  compiler: string | undefined,
  temporary: string,
): Record<string, string> {
  const kept = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    GOTOOLCHAIN: "auto",
    ...Object.fromEntries(kept),
    GOFLAGS: "-mod=mod",
    GOWORK: "off",
    GO111MODULE: "on",
    GOOS: platform.os,
    ...goTarget(platform.architecture),
    CGO_ENABLED: tool.module.cgo ? "1" : "0",
    GOTMPDIR: temporary,
    ...(compiler !== undefined && { CC: compiler }),
  };
}

async function checkGo(go: string, environment: Environment): Promise<void> {
  const answer = await run(go, ["version"], {
    cleanEnv: true,
    env: { PATH: environment.PATH ?? "", GOTOOLCHAIN: "local" },
  });
  if (isOldGo(/\bgo(\d+\.\d+)/.exec(answer)?.[1]))
    throw new UserError(`the Go on PATH (${answer.trim()}) is older than ${oldestGo.join(".")}, too old to build it`);
}

/** Fails when the Go that is here, or else the one that apt would install, is too old; apt may not know one yet. */
export async function checkGoOrPackage(environment: Environment): Promise<void> {
  const go = await findOnPath("go", environment);
  if (go) return checkGo(go, environment);
  const apt = await findOnPath("apt-cache", environment);
  if (!apt) return;
  const policy = await run(apt, ["policy", goPackage.debian], { env: { LC_ALL: "C" } });
  const version = /^ +Candidate: (?:\d+:)?(\d+\.\d+)/m.exec(policy)?.[1];
  if (!isOldGo(version)) return;
  throw new UserError(
    `this system's Go (package ${goPackage.debian}) is ${version}, and building needs ${oldestGo.join(".")} or newer`,
  );
}

function isOldGo(version: string | undefined): boolean {
  const [major = oldestGo[0], minor = 0] = (version ?? oldestGo.join(".")).split(".").map(Number);
  return major < oldestGo[0] || (major === oldestGo[0] && minor < oldestGo[1]);
}

/**
 * The packages with the C compiler that building the tool for a platform takes; none where Go needs none, or finds it.
 */
export function compilersFor(tool: Tool, platform: Platform, environment: Environment): readonly SystemPackage[] {
  const host = hostPlatform();
  if (!tool.module.cgo || host.os !== "linux") return [];
  if (host.architecture !== platform.architecture) return crossCompilerPackages[platform.architecture] ?? [];
  return environment.CC ? [] : compilerPackages;
}

/** Undefined stands for the C compiler that Go finds by itself. */
async function findCompiler(tool: Tool, platform: Platform, environment: Environment): Promise<string | undefined> {
  const packages = compilersFor(tool, platform, environment);
  const program = packages[0]?.programs[0];
  if (program === undefined || (await findOnPath(program, environment))) return program;
  const names = packages.map(({ debian }) => debian).join(" ");
  throw new UserError(
    `building ${tool.name} for ${platform.architecture} needs the C compiler ${program}: on Debian and Ubuntu it comes with \`apt-get install ${names}\``,
  );
}

/** Reports a line now and then, because Go prints nothing while it compiles. */
function reportWhile(what: string, progress: Progress) {
  const start = performance.now();
  let modules = 0;
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - start) / 1000);
    progress.step(`${what}: building for ${seconds} s${modules ? `, ${modules} modules fetched` : ""}`);
  }, reportMs);
  return {
    line(text: string) {
      if (text.startsWith("go: downloading ")) modules += 1;
    },
    end: () => clearInterval(timer),
  };
}
