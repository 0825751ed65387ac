import { realpath, rm } from "node:fs/promises";
import path from "node:path";
import { makeFolder } from "../lib/files.ts";
import { type Environment, findOnPath, isExecutable } from "../lib/host.ts";
import { once } from "../lib/once.ts";
import type { Progress } from "../lib/progress.ts";
import {
  describeLook,
  installPlugin,
  noteLook,
  type PluginState,
  pluginFolder,
  pluginState,
  pulumiHome,
  whyUnreachable,
} from "./official.ts";
import { ensurePassphrase, type FoundPassphrase, findPassphrase } from "./passphrase.ts";
import { hostPlatform } from "./platform.ts";
import type { Publisher } from "./publishers/publisher.ts";
import { hasBundle, isStandIn, putStandIn } from "./standins.ts";
import { type FetchedTool, findAtHand, getTool } from "./tools.ts";
import { type PluginName, pluginVersions, tools, versions } from "./versions.ts";

export interface PulumiOptions {
  signal?: AbortSignal | undefined;
  /** In place of the tools' own, and of the address of plugins. */
  publisher?: Publisher | undefined;
  pluginUrl?: string | undefined;
  /** In place of this process's. */
  environment?: Environment | undefined;
  /** In place of toolchain/offline. */
  standInSources?: string | undefined;
}

export interface PreparedPulumi {
  /** Environment variables to run `pulumi`. */
  env: Record<string, string>;
  /** How each part was obtained. */
  lines: string[];
}

/**
 * Makes Pulumi's CLI, its language host for Node.js and its plugins ready, apart from the user's own ~/.pulumi,
 * and tells on one line each which way they came.
 */
export async function preparePulumi(progress: Progress, options: PulumiOptions = {}): Promise<PreparedPulumi> {
  const environment = options.environment ?? process.env;
  const lines: string[] = [];
  const tell = (line: string) => {
    lines.push(line);
    progress.step(line);
  };

  const cli = await getTool("pulumi", { ...options, progress });
  lines.push(await lineOf(cli));
  const home = await pulumiHome();
  const env: Record<string, string> = {
    PATH: await searchPath(path.dirname(cli.path), environment),
    PULUMI_HOME: home,
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
  const plugins = await preparePlugins(cli.path, home, progress, env, options);
  for (const line of summarize(plugins)) progress.step(line);
  lines.push(...(await withReason(plugins)));

  const passphrase = await ensurePassphrase(environment);
  if (passphrase.file) env.PULUMI_CONFIG_PASSPHRASE_FILE = passphrase.file;
  if (passphrase.isNew) {
    tell(`made a passphrase for the stacks' secrets, ${passphrase.file}: keep a copy, nothing opens them without it`);
  }
  return { env, lines };
}

export interface FoundPulumi extends PreparedPulumi {
  /** What `preparePulumi` would get, for people. */
  missingTools: string[];
  passphrase: FoundPassphrase;
}

/** The installed parts of Pulumi; downloads and writes nothing. */
export async function findPulumi(environment: Environment = process.env): Promise<FoundPulumi> {
  const cli = await findAtHand(tools.pulumi, hostPlatform(), environment, { remembers: false });
  const home = await pulumiHome();
  const passphrase = await findPassphrase(environment);
  const plugins = await Promise.all([
    ...(cli ? [languageHostState(cli.path)] : []),
    ...(Object.keys(pluginVersions) as PluginName[]).map(async (name) => {
      const folder = pluginFolder(home, name);
      const state = await pluginState(folder, name);
      const way = state === "stand-in" && !(await hasBundle(programIn(folder, name))) ? "missing" : state;
      return { label: `${name} ${pluginVersions[name]}`, way } as const;
    }),
  ]);
  const there = plugins.flatMap(({ label, way }) => (way === "missing" ? [] : [{ label, way }]));
  const missingPlugins = plugins.filter(({ way }) => way === "missing").map(({ label }) => label);
  return {
    env: {
      ...(cli && { PATH: await searchPath(path.dirname(cli.path), environment) }),
      PULUMI_HOME: home,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      ...(passphrase.file !== undefined && { PULUMI_CONFIG_PASSPHRASE_FILE: passphrase.file }),
    },
    lines: [...(cli ? [await lineOf(cli)] : []), ...(await withReason(there))],
    missingTools: [
      ...(cli ? [] : [`pulumi ${versions.pulumi}`]),
      ...(missingPlugins.length > 0 ? [`Pulumi's ${missingPlugins.join(", ")}`] : []),
    ],
    passphrase,
  };
}

async function languageHostState(cli: string): Promise<{ label: string; way: PluginState }> {
  const program = languageHostOf(cli);
  const label = "language host nodejs";
  if (!(await isExecutable(program))) return { label, way: "missing" };
  if (!(await isStandIn(program))) return { label, way: "official" };
  return { label, way: (await hasBundle(program)) ? "stand-in" : "missing" };
}

const languageHostOf = (cli: string): string => path.join(path.dirname(cli), "pulumi-language-nodejs");

const programIn = (folder: string, name: PluginName): string => path.join(folder, `pulumi-resource-${name}`);

interface PreparedPlugin {
  label: string;
  way: "official" | "stand-in";
  /** Why it isn't the official one, if that was just determined. */
  because?: string | undefined;
}

async function preparePlugins(
  cli: string,
  home: string,
  progress: Progress,
  env: Record<string, string>,
  options: PulumiOptions,
): Promise<PreparedPlugin[]> {
  const prepared = [await prepareLanguageHost(cli, options)];
  const reachable = once(() => findOut(options));
  for (const name of Object.keys(pluginVersions) as PluginName[]) {
    const label = `${name} ${pluginVersions[name]}`;
    const folder = pluginFolder(home, name);
    const state = await pluginState(folder, name);
    const because = state === "missing" ? await reachable() : undefined;
    if (state === "missing" && !because) {
      progress.step(`Pulumi's plugin ${label}: installing`);
      await installPlugin(name, env, options.signal);
    } else if (state !== "official") {
      await placeStandIn(folder, name, options.standInSources);
    }
    prepared.push({ label, way: state === "stand-in" || because ? "stand-in" : "official", because });
  }
  return prepared;
}

/** The official CLI has its language host beside it; one built from its module has not. */
async function prepareLanguageHost(cli: string, options: PulumiOptions): Promise<PreparedPlugin> {
  const program = languageHostOf(cli);
  const isOfficial = (await isExecutable(program)) && !(await isStandIn(program));
  if (!isOfficial) await putStandIn("language-nodejs", program, options.standInSources);
  return { label: "language host nodejs", way: isOfficial ? "official" : "stand-in" };
}

async function placeStandIn(folder: string, name: PluginName, sources?: string): Promise<void> {
  const program = `pulumi-resource-${name}`;
  // Checked again, because another process may have installed it while this one waited for the host.
  if ((await pluginState(folder, name)) !== "missing") return putStandIn(name, path.join(folder, program), sources);
  for (const left of [folder, `${folder}.partial`]) await rm(left, { recursive: true, force: true });
  await makeFolder(folder, (unfinished) => putStandIn(name, path.join(unfinished, program), sources));
}

/** Whether the plugins can be downloaded; if not, the next attempt is a day later. */
async function findOut({ pluginUrl, signal }: PulumiOptions): Promise<string | undefined> {
  const because = await whyUnreachable(pluginUrl, signal);
  if (because) await noteLook({ plugins: because });
  return because;
}

/** Which way the CLI came, and when its release was looked for where it was built. */
async function lineOf({ version, source, how }: FetchedTool): Promise<string> {
  const look = source === "cache" && how.includes("built") ? await describeLook("tools") : undefined;
  return `pulumi ${version}: ${how}${look ? `, ${look}` : ""}`;
}

/** The lines of `summarize`, with why there are stand-ins and when the official ones were looked for. */
async function withReason(plugins: PreparedPlugin[]): Promise<string[]> {
  const look = await describeLook("plugins");
  return summarize(plugins).map((line) => (look && line.endsWith(": stand-ins") ? `${line}, ${look}` : line));
}

/** One line for each way that a plugin came. */
function summarize(plugins: PreparedPlugin[]): string[] {
  const official = plugins.filter(({ way }) => way === "official").map(({ label }) => label);
  const standIns = plugins.filter(({ way }) => way === "stand-in").map(({ label }) => label);
  const because = plugins.find((plugin) => plugin.because)?.because;
  return [
    ...(official.length ? [`Pulumi's ${official.join(", ")}: official`] : []),
    ...(standIns.length ? [`Pulumi's ${standIns.join(", ")}: stand-ins${because ? `, ${because}` : ""}`] : []),
  ];
}

/** The CLI's folder first, and this Node.js where PATH leads to another or none: Pulumi starts `node` by name. */
async function searchPath(cliDir: string, environment: Environment): Promise<string> {
  const onPath = await findOnPath("node", environment);
  const isSame = onPath !== undefined && (await realpath(onPath)) === (await realpath(process.execPath));
  const rest = (environment.PATH ?? "").split(path.delimiter).filter((folder) => folder && folder !== cliDir);
  return [cliDir, ...(isSame ? [] : [path.dirname(process.execPath)]), ...rest].join(path.delimiter);
}
