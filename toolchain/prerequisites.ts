import type { Architecture } from "../lib/architecture.ts";
import { probe, Unreachable } from "../lib/download.ts";
import { missingPackages, requirePackages, type SystemPackage } from "../lib/host.ts";
import { checkGoOrPackage, compilersFor } from "./go-build.ts";
import { goPackage } from "./packages.ts";
import { hostPlatform } from "./platform.ts";
import { publisherOf, Unsuitable } from "./release.ts";
import { explained, findAtHand, getTool, label, type ToolOptions } from "./tools.ts";
import { is32Bit, type Platform, type Tool, type ToolName, tools } from "./versions.ts";

/** A tool that will be needed. */
export interface WantedTool {
  name: ToolName;
  architecture: Architecture;
}

/**
 * The packages that this system lacks and that the tools need: Go and a C compiler for those that have to be built from
 * their modules. All publishers are asked at once, so that it is known before the first of the tools takes its minutes.
 */
export async function packagesToBuild(wanted: readonly WantedTool[], options: ToolOptions): Promise<SystemPackage[]> {
  const environment = options.environment ?? process.env;
  const needed = await Promise.all(
    wanted.map(async ({ name, architecture }) => {
      const platform = { os: hostPlatform().os, architecture };
      const because = await whyBuilt(tools[name], platform, options);
      if (because === undefined) return [];
      options.progress.step(`${label(tools[name], platform)} will be built from its Go module: ${because.message}`);
      await explained(checkGoOrPackage(environment), tools[name], platform, because, options);
      return [goPackage, ...compilersFor(tools[name], platform, environment)];
    }),
  );
  return missingPackages(needed.flat(), environment);
}

/** Undefined for a tool that is installed, can be downloaded, or doesn't exist. */
async function whyBuilt(tool: Tool, platform: Platform, options: ToolOptions): Promise<Error | undefined> {
  if (tool.only64Bit && is32Bit(platform.architecture)) return undefined;
  if (await findAtHand(tool, platform, options.environment)) return undefined;
  if (platform.architecture === "armel") return new Unsuitable("the publisher's is for ARMv7");
  try {
    await probe(`${publisherOf(tool, options).baseUrl}/${tool.release.sums(tool.version)}`, options.signal);
    return undefined;
  } catch (error) {
    if (error instanceof Unreachable) return error;
    throw error;
  }
}

/** Gets the tools one by one, after it has made sure that this system can build all of them that have to be built. */
export function toolGetter(wanted: readonly WantedTool[]): typeof getTool {
  let checked: Promise<void> | undefined;
  return async (name, options) => {
    checked ??= packagesToBuild(wanted, options).then((missing) =>
      requirePackages(`Building ${wanted.map((tool) => tool.name).join(" and ")}`, missing, options.environment),
    );
    await checked;
    return getTool(name, options);
  };
}
