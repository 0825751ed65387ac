import { readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { Unreachable } from "../lib/download.ts";
import { UserError } from "../lib/errors.ts";
import { exists, makeFolder, sha256OfFile } from "../lib/files.ts";
import type { Environment } from "../lib/host.ts";
import { cacheDir } from "../lib/paths.ts";
import type { Progress } from "../lib/progress.ts";
import { buildFromModule } from "./go-build.ts";
import { hostPlatform } from "./platform.ts";
import { askVersion, findTool } from "./programs.ts";
import type { Publisher } from "./publishers/publisher.ts";
import { publisherOf, Unsuitable, unpackRelease } from "./release.ts";
import { is32Bit, type Platform, type Tool, type ToolName, tools } from "./versions.ts";

export interface ToolOptions {
  /** Default: the host's. */
  architecture?: Platform["architecture"] | undefined;
  progress: Progress;
  signal?: AbortSignal | undefined;
  /** In place of the tools' own. */
  publisher?: Publisher | undefined;
  /** In place of this process's; its PATH is where programs are looked for. */
  environment?: Environment | undefined;
}

export interface FetchedTool {
  path: string;
  version: string;
  source: "PATH" | "cache" | "release" | "built";
  /** Of the program, lower-case hex. */
  sha256: string;
  /** How it was obtained, for users. */
  how: string;
}

/**
 * Finds or gets a tool at its pinned version, and tells on one line which way it came: on PATH, in the cache,
 * the publisher's release, or built from its Go module where the release can't be reached or is for other processors.
 */
export async function getTool(name: ToolName, options: ToolOptions): Promise<FetchedTool> {
  const host = hostPlatform();
  const platform = { os: host.os, architecture: options.architecture ?? host.architecture };
  const tool = tools[name];
  if (tool.only64Bit && is32Bit(platform.architecture)) {
    throw new UserError(`There is no ${label(tool, platform)}. ${tool.only64Bit}`);
  }
  const tell = (fetched: FetchedTool) => {
    options.progress.step(`${label(tool, platform)}: ${fetched.how}`);
    return fetched;
  };

  const folder = folderOf(tool, platform);
  const existed = await exists(folder);
  const atHand = await findAtHand(tool, platform, options.environment);
  if (atHand) return tell(atHand);

  // Folders get their final name only when complete, so this one was damaged later.
  if (existed) await rm(folder, { recursive: true, force: true });
  const how = await fetchInto(folder, tool, platform, options);
  const fetched = await readCached(tool, folder);
  if (!fetched) throw new Error(`${folder} was written and can't be read back`);
  return tell({ ...fetched, how });
}

/**
 * The tool without getting it: on PATH, or in the cache. What it tells is remembered, unless nothing is to be written.
 */
export async function findAtHand(
  tool: Tool,
  platform: Platform,
  environment: Environment = process.env,
  { remembers = true } = {},
): Promise<FetchedTool | undefined> {
  const onPath = isForHost(platform) ? await findTool(tool, environment, { remembers }) : undefined;
  if (onPath) return { ...onPath, source: "PATH", how: `on PATH, ${onPath.path}` };
  const cached =
    (await readCached(tool, releaseFolderOf(tool, platform))) ?? (await readCached(tool, folderOf(tool, platform)));
  return cached && { ...cached, source: "cache", how: `in the cache (${ways[cached.source]})` };
}

/** Where the publisher's release is installed beside a program that was built, which may be in use. */
const releaseFolderOf = (tool: Tool, platform: Platform) => `${folderOf(tool, platform)}-release`;

/**
 * Gets the publisher's release of every program in the cache that was built from its module, and puts it beside that
 * one; from the next time on it is what `getTool` finds. Goes on with the other publishers where one fails, and fails
 * like `unpackRelease` at the end.
 */
export async function fetchReleases(options: ToolOptions): Promise<void> {
  const failures = new Map<string, unknown>();
  for (const { tool, platform } of await builtTools()) {
    const publisher = publisherOf(tool, options).baseUrl;
    if (failures.has(publisher)) continue;
    await fetchRelease(tool, platform, options).catch((error: unknown) => failures.set(publisher, error));
  }
  for (const failure of failures.values()) throw failure;
}

/** What was built and has no release beside it. Of armel none is looked for: the publishers' don't run on ARMv6. */
async function builtTools(): Promise<{ tool: Tool; platform: Platform }[]> {
  const { os } = hostPlatform();
  const all = Object.values(tools).flatMap((tool) =>
    (["amd64", "arm64", "armhf"] as const).map((architecture) => ({ tool, platform: { os, architecture } })),
  );
  const isBuilt = all.map(async ({ tool, platform }) => {
    const built = await readCached(tool, folderOf(tool, platform));
    return built?.source === "built" && !(await readCached(tool, releaseFolderOf(tool, platform)));
  });
  const states = await Promise.all(isBuilt);
  return all.filter((_, index) => states[index]);
}

async function fetchRelease(tool: Tool, platform: Platform, options: ToolOptions): Promise<void> {
  const folder = releaseFolderOf(tool, platform);
  // Another run was faster.
  if (await readCached(tool, folder)) return;
  await rm(folder, { recursive: true, force: true });
  await makeFolder(folder, async (unfinished) => {
    await unpackRelease(tool, platform, unfinished, options);
    await finish(unfinished, tool, "release", isForHost(platform), options.signal);
  });
}

const folderOf = ({ name, version }: Tool, { os, architecture }: Platform) =>
  cacheDir("toolchain", `${name}-${version}-${os}-${architecture}`);

const isForHost = ({ architecture }: Platform) => architecture === hostPlatform().architecture;

export const label = (tool: Tool, { architecture }: Platform) => `${tool.name} ${tool.version} (${architecture})`;

const ways = { release: "the publisher's release", built: "built from its Go module" };

/** The note beside each cached program: where it came from, and what proves that it is complete. */
const noteSchema = z.object({ source: z.enum(["release", "built"]), bytes: z.number(), sha256: z.string() });
const noteName = "tool.json";
type Source = z.infer<typeof noteSchema>["source"];

async function readCached(tool: Tool, folder: string) {
  const program = path.join(folder, tool.name);
  try {
    const note = noteSchema.parse(JSON.parse(await readFile(path.join(folder, noteName), "utf8")));
    if ((await stat(program)).size !== note.bytes) return undefined;
    return { path: program, version: tool.version, source: note.source, sha256: note.sha256 };
  } catch {
    return undefined;
  }
}

/** Fills the tool's folder in the cache and returns how. */
async function fetchInto(folder: string, tool: Tool, platform: Platform, options: ToolOptions) {
  let how = "";
  await makeFolder(folder, async (unfinished) => {
    const { source, because } = await releaseOrBuild(tool, platform, unfinished, options);
    await finish(unfinished, tool, source, isForHost(platform), options.signal);
    how = because ? `${ways[source]}, ${because}` : ways[source];
  });
  return how;
}

/** Writes the note beside a program, which marks it as complete. */
async function finish(folder: string, tool: Tool, source: Source, isForHost: boolean, signal?: AbortSignal) {
  const program = path.join(folder, tool.name);
  if (isForHost) await checkVersion(program, tool, signal);
  const note = { source, bytes: (await stat(program)).size, sha256: await sha256OfFile(program) };
  await writeFile(path.join(folder, noteName), JSON.stringify(note));
}

async function releaseOrBuild(
  tool: Tool,
  platform: Platform,
  folder: string,
  options: ToolOptions,
): Promise<{ source: Source; because?: string }> {
  try {
    await unpackRelease(tool, platform, folder, options);
    return { source: "release" };
  } catch (error) {
    if (!(error instanceof Unreachable || error instanceof Unsuitable)) throw error;
    const because = error.message;
    options.progress.step(`${label(tool, platform)}: ${because}; building it from its Go module, which takes minutes`);
    await build(tool, platform, folder, error, options);
    return { source: "built", because };
  }
}

function build(tool: Tool, platform: Platform, folder: string, why: Error, options: ToolOptions): Promise<void> {
  const environment = options.environment ?? process.env;
  return explained(buildFromModule(tool, platform, folder, { ...options, environment }), tool, platform, why, options);
}

/** Adds to what keeps a tool from being built `why` it has to be, and what else helps. */
export async function explained(
  work: Promise<void>,
  tool: Tool,
  platform: Platform,
  why: Error,
  options: ToolOptions,
): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof UserError) || options.signal?.aborted) throw error;
    const ways = waysOut(tool, platform, why, options);
    throw new UserError(
      [
        `${label(tool, platform)} can't be had: ${why.message}, and ${error.message}`,
        ways.length > 1 ? "One of these helps:" : "This helps:",
        ...ways.map((way) => `  - ${way}`),
      ].join("\n"),
    );
  }
}

function waysOut(tool: Tool, platform: Platform, why: Error, options: ToolOptions): string[] {
  return [
    ...(why instanceof Unreachable ? [`make ${new URL(publisherOf(tool, options).baseUrl).host} reachable`] : []),
    ...(isForHost(platform) ? [`put ${tool.name} ${tool.version}${and(tool.companions)} on PATH`] : []),
    "put Go 1.21 or newer on PATH (https://go.dev/dl), with a way to Go's module proxy, and run this again",
  ];
}

const and = (companions: readonly string[]) => (companions.length ? ` with ${companions.join(", ")} beside it` : "");

async function checkVersion(program: string, tool: Tool, signal?: AbortSignal): Promise<void> {
  const version = await askVersion(program, signal);
  if (version === tool.version) return;
  throw new UserError(`${tool.name} ${tool.version} was fetched, but \`${tool.name} version\` answers "${version}"`);
}
