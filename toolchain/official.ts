import { cp, mkdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { probe, Unreachable } from "../lib/download.ts";
import { exists, syncFiles, writeFileWhole } from "../lib/files.ts";
import { isExecutable } from "../lib/host.ts";
import { cacheDir } from "../lib/paths.ts";
import { run } from "../lib/run.ts";
import { hostPlatform } from "./platform.ts";
import type { Publisher } from "./publishers/publisher.ts";
import { isStandIn } from "./standins.ts";
import { fetchReleases } from "./tools.ts";
import { type PluginName, pluginDownloads, pluginVersions } from "./versions.ts";

/**
 * Replaces stand-ins and programs built here by the official ones. These are installed beside the others and never over
 * them, so that a running `up` continues with what it started with; the next one uses them.
 */

const pluginNames = Object.keys(pluginVersions) as PluginName[];

/** Pulumi's home with only official plugins, for exactly these versions; created completely or not at all. */
const officialHome = () => cacheDir(`pulumi-home-${pluginNames.map((name) => pluginVersions[name]).join("-")}`);
const firstHome = () => cacheDir("pulumi-home");

/** The home that a run uses. */
export async function pulumiHome(): Promise<string> {
  return (await isOfficial(officialHome())) ? officialHome() : firstHome();
}

export const pluginFolder = (home: string, name: PluginName) =>
  path.join(home, "plugins", `resource-${name}-v${pluginVersions[name]}`);

export interface LookOptions {
  /** The CLI that installs plugins, and the environment that it needs. */
  env: Record<string, string>;
  signal: AbortSignal;
  /** Called when a publisher has answered, so that there is something to wait for. */
  onAnswer?: (() => void) | undefined;
  /** In place of the tools' own, and of the address of plugins. */
  publisher?: Publisher | undefined;
  pluginUrl?: string | undefined;
}

/** How long to wait for running downloads when the work has ended. */
const graceMs = 5_000;

/**
 * Does the work, and looks for official programs meanwhile. What is on its way gets a little time when the work is
 * done; everything else is left for another day at once, also where the work failed or was interrupted.
 */
export async function lookDuring<T>(
  options: Omit<LookOptions, "signal" | "onAnswer">,
  work: () => Promise<T>,
): Promise<T> {
  const end = new AbortController();
  const giveUp = () => end.abort(new Error("left for another day"));
  let isOnItsWay = false;
  const onAnswer = () => {
    isOnItsWay = true;
  };
  const look = lookForOfficial({ ...options, signal: end.signal, onAnswer });
  let timer: NodeJS.Timeout | undefined;
  try {
    const result = await work();
    if (isOnItsWay) timer = setTimeout(giveUp, graceMs);
    else giveUp();
    return result;
  } catch (error) {
    giveUp();
    throw error;
  } finally {
    await look;
    clearTimeout(timer);
  }
}

const dayMs = 24 * 60 * 60 * 1000;

const lookSchema = z.object({
  /** When the publishers were asked last, ms since 1970. */
  at: z.number(),
  /** Why they could not be downloaded then. */
  tools: z.string().optional(),
  plugins: z.string().optional(),
});
type Look = z.infer<typeof lookSchema>;
type Part = "tools" | "plugins";

const lookFile = () => cacheDir("toolchain", "official.json");

async function lastLook(): Promise<Look | undefined> {
  try {
    return lookSchema.parse(JSON.parse(await readFile(lookFile(), "utf8")));
  } catch {
    return undefined;
  }
}

/** Records why official programs could not be downloaded just now, so that no other run tries again at once. */
export async function noteLook(reasons: Partial<Record<Part, string | undefined>>): Promise<void> {
  await writeFileWhole(
    lookFile(),
    JSON.stringify({ ...(await lastLook()), ...reasons, at: Date.now() } satisfies Look),
  );
}

/**
 * Gets the official programs for all that stands in for them, at most once a day; for the background of a run: it says
 * nothing and never fails. What was aborted or broke off leaves what was there before.
 */
export async function lookForOfficial(options: LookOptions): Promise<void> {
  try {
    const look = await lastLook();
    // A clock that was set back must not postpone this forever.
    if (look && Math.abs(Date.now() - look.at) < dayMs) return;
    await noteLook({});
    const tools = await failureOf(fetchReleases({ ...options, progress: { step: () => options.onAnswer?.() } }));
    const plugins = await failureOf(fetchHome(options));
    if (!options.signal.aborted) await noteLook({ tools, plugins });
  } catch {
    // Whoever needs the cache reports that it can't be written.
  }
}

/** What kept it from the official programs, in one line. */
function failureOf(work: Promise<void>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)).split("\n")[0],
  );
}

/**
 * Makes the home with official plugins, unless there is one or the first home has no stand-in. Pulumi marks a plugin
 * that isn't whole, so what was aborted goes on there another day.
 */
async function fetchHome({ env, signal, pluginUrl, onAnswer }: LookOptions): Promise<void> {
  if ((await isOfficial(officialHome())) || !(await hasStandIn())) return;
  const because = await whyUnreachable(pluginUrl, signal);
  if (because) throw new Unreachable(because);
  onAnswer?.();
  const coming = `${officialHome()}.coming`;
  await mkdir(coming, { recursive: true, mode: 0o700 });
  for (const name of pluginNames) {
    if (await isOfficial(officialHome())) break;
    await installPlugin(name, { ...env, PULUMI_HOME: coming }, signal);
  }
  if (await isOfficial(coming)) await takeHome(coming);
  // Another run was faster, or the plugins aren't where Pulumi said that it put them.
  await rm(coming, { recursive: true, force: true });
}

async function takeHome(coming: string): Promise<void> {
  // Where the user is logged in, and which stack is selected.
  for (const name of ["credentials.json", "workspaces"])
    if (await exists(path.join(firstHome(), name)))
      await cp(path.join(firstHome(), name), path.join(coming, name), { recursive: true });
  await syncFiles(coming);
  await rename(coming, officialHome()).catch(async ({ code }: NodeJS.ErrnoException) => {
    // A home that lacks a plugin is useless; any other comes from another run and is as good as this one.
    if (code === "ENOENT" || (await isOfficial(officialHome()))) return;
    await rm(officialHome(), { recursive: true, force: true });
    await rename(coming, officialHome());
  });
}

const programsIn = (home: string) =>
  pluginNames.map((name) => path.join(pluginFolder(home, name), `pulumi-resource-${name}`));

async function hasStandIn(): Promise<boolean> {
  return (await Promise.all(programsIn(firstHome()).map(isStandIn))).includes(true);
}

/** Whether a home has all plugins and all are official. */
async function isOfficial(home: string): Promise<boolean> {
  const states = pluginNames.map((name) => pluginState(pluginFolder(home, name), name));
  return (await Promise.all(states)).every((state) => state === "official");
}

export type PluginState = "official" | "stand-in" | "missing";

/** Pulumi marks an installation that isn't whole by a file `FOLDER.partial`. */
export async function pluginState(folder: string, name: PluginName): Promise<PluginState> {
  const program = path.join(folder, `pulumi-resource-${name}`);
  if (!(await isExecutable(program)) || (await exists(`${folder}.partial`))) return "missing";
  return (await isStandIn(program)) ? "stand-in" : "official";
}

/** Lets Pulumi install one of its plugins into the home that the environment names. */
export async function installPlugin(
  name: PluginName,
  env: Record<string, string>,
  signal?: AbortSignal,
): Promise<void> {
  await run("pulumi", ["plugin", "install", "resource", name, pluginVersions[name]], {
    env,
    hint: "Run it again; what is already there is kept.",
    ownSession: true,
    ...(signal && { signal }),
  });
}

/** Requests one plugin's archive before Pulumi does, whose retries take long. Undefined if it is available. */
export async function whyUnreachable(pluginUrl = pluginDownloads, signal?: AbortSignal): Promise<string | undefined> {
  const { os, architecture } = hostPlatform();
  try {
    await probe(`${pluginUrl}/pulumi-resource-command-v${pluginVersions.command}-${os}-${architecture}.tar.gz`, signal);
    return undefined;
  } catch (error) {
    if (error instanceof Unreachable) return error.message;
    throw error;
  }
}

/** "get.pulumi.com can't be reached (…), looked for 3 h ago"; undefined where nobody has looked. */
export async function describeLook(part: Part): Promise<string | undefined> {
  const look = await lastLook();
  if (!look) return undefined;
  const hours = Math.max(0, Math.floor((Date.now() - look.at) / 3_600_000));
  const ago =
    hours === 0 ? "less than an hour ago" : hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} days ago`;
  return [look[part], `looked for ${ago}`].filter(Boolean).join(", ");
}
