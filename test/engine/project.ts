import { copyFile, link, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import type { StateResource } from "../../cli/stack/state.ts";
import { projectDir } from "../../lib/paths.ts";
import { silent } from "../../lib/progress.ts";
import { putStandIn } from "../../toolchain/standins.ts";
import { getTool } from "../../toolchain/tools.ts";
import { type PluginName, pluginVersions } from "../../toolchain/versions.ts";

/** What one run of the CLI printed, on both streams, and how it ended. */
export interface Outcome {
  exitCode: number | undefined;
  output: string;
}

export type { StateResource };

export interface RunningCli {
  /** All that it has printed so far. */
  printed(): string;
  kill(signal: NodeJS.Signals): boolean;
  ended: Promise<Outcome>;
}

export interface Project {
  dir: string;
  /** What `pulumi` has in its environment. */
  env: Record<string, string>;
  /** Replaces the program: a TypeScript module, as a user's index.ts is. */
  program(source: string): Promise<void>;
  source(): Promise<string>;
  /** Runs `pulumi ARGS --non-interactive` to its end. */
  pulumi(...args: string[]): Promise<Outcome>;
  /** Starts it, for tests that look at it or interrupt it while it runs. */
  start(...args: string[]): RunningCli;
  /** `up` without the preview. */
  up(): Promise<Outcome>;
  /** What the state has of the resources, without the stack and the providers. */
  resources(): Promise<StateResource[]>;
  /** The whole state as text, as it is stored: secrets encrypted. */
  state(): Promise<string>;
  remove(): Promise<void>;
}

const passphrase = "only for tests";

/**
 * An empty stack `test` in a new folder, with its own engine home and backend,
 * the real engine and our stand-ins as they are in the sources now.
 */
export async function createProject(): Promise<Project> {
  const dir = await mkdtemp(path.join(tmpdir(), "piinit-project-"));
  const remove = () => rm(dir, { recursive: true, force: true });
  try {
    const bin = await installEngine(dir);
    const project = projectIn(dir, bin, remove);
    await writeProjectFiles(dir);
    const { exitCode, output } = await project.pulumi("stack", "init", "test");
    if (exitCode !== 0) throw new Error(output);
    return project;
  } catch (error) {
    await remove();
    throw error;
  }
}

function projectIn(dir: string, bin: string, remove: () => Promise<void>): Project {
  const env = {
    PATH: `${bin}:${process.env.PATH}`,
    HOME: dir,
    PULUMI_HOME: path.join(dir, "home"),
    PULUMI_BACKEND_URL: `file://${path.join(dir, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: passphrase,
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
  const start = (...args: string[]): RunningCli => {
    const options = { cwd: dir, env, extendEnv: false, all: true, reject: false, stdin: "ignore" } as const;
    const child = execa(path.join(bin, "pulumi"), [...args, "--non-interactive"], options);
    let printed = "";
    child.all.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
    });
    return {
      printed: () => printed,
      kill: (signal) => child.kill(signal),
      ended: child.then(({ exitCode, all }) => ({ exitCode, output: all })),
    };
  };
  const pulumi = (...args: string[]) => start(...args).ended;
  const state = async () => (await pulumi("stack", "export")).output;
  return {
    dir,
    env,
    start,
    pulumi,
    state,
    remove,
    program: (source) => writeFile(path.join(dir, "index.ts"), source),
    source: () => readFile(path.join(dir, "index.ts"), "utf8"),
    up: () => pulumi("up", "--yes", "--skip-preview"),
    async resources() {
      const { deployment } = JSON.parse(await state()) as { deployment: { resources?: StateResource[] } };
      return (deployment.resources ?? []).filter(({ type }) => !type.startsWith("pulumi:"));
    },
  };
}

/** The CLI and the language host side by side, and the plugins in the engine's home. */
async function installEngine(dir: string): Promise<string> {
  const { path: cli } = await getTool("pulumi", { progress: silent });
  const bin = path.join(dir, "bin");
  const state = path.join(dir, "state");
  for (const folder of [bin, state]) await mkdir(folder);
  const ours = path.join(bin, "pulumi");
  await link(cli, ours).catch(() => copyFile(cli, ours));
  await putStandIn("language-nodejs", path.join(bin, "pulumi-language-nodejs"));
  for (const [name, version] of Object.entries(pluginVersions)) {
    const folder = path.join(dir, "home", "plugins", `resource-${name}-v${version}`);
    await mkdir(folder, { recursive: true });
    await putStandIn(name as PluginName, path.join(folder, `pulumi-resource-${name}`));
  }
  return bin;
}

/** The same shape as our own project: an ES module in TypeScript, run by tsx. */
async function writeProjectFiles(dir: string): Promise<void> {
  for (const name of ["node_modules", "start"]) await symlink(path.join(projectDir, name), path.join(dir, name));
  await writeFile(path.join(dir, "package.json"), JSON.stringify({ type: "module", main: "index.ts" }));
  const runtime = {
    name: "nodejs",
    options: { typescript: false, nodeargs: "--import tsx --import ./start/runner.mjs" },
  };
  await writeFile(path.join(dir, "Pulumi.yaml"), JSON.stringify({ name: "test", runtime }));
  await writeFile(path.join(dir, "index.ts"), "export {};\n");
}
