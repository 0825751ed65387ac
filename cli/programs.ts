import { architectureOf } from "../commands/image/boards/catalogue.ts";
import type { Settings } from "../components/settings.ts";
import { progressOnStderr } from "../lib/progress.ts";
import { hostPlatform } from "../toolchain/platform.ts";
import { getTool } from "../toolchain/tools.ts";
import { type Architecture, type ToolName, tools } from "../toolchain/versions.ts";
import { interrupted } from "./terminal.ts";

/** A program of the toolchain that an image holds. */
export interface ImageProgram {
  name: ToolName;
  architecture: Architecture;
}

/** Gets the programs that the stack's images hold, once, before images that are built side by side each ask for them. */
export async function fetchImagePrograms(settings: Pick<Settings, "images">): Promise<void> {
  await fetchPrograms(imagePrograms(settings, hostPlatform().architecture));
}

export async function fetchPrograms(programs: ImageProgram[]): Promise<void> {
  const progress = progressOnStderr();
  for (const { name, architecture } of programs) await getTool(name, { architecture, progress, signal: interrupted });
}

/** What the images hold, each program once for each architecture: a role that brings a program has the program's name. */
export function imagePrograms({ images }: Pick<Settings, "images">, host: Architecture): ImageProgram[] {
  const programs = Object.values(images).flatMap(({ board, roles }) => {
    const architecture = architectureOf(board, host);
    return Object.entries(roles)
      .filter(([role, options]) => options !== undefined && role in tools)
      .map(([role]) => ({ name: role as ToolName, architecture }));
  });
  return [...new Map(programs.map((program) => [`${program.name} ${program.architecture}`, program])).values()];
}
