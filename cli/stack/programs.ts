import type { Settings } from "../../components/schema/stack.ts";
import type { Architecture } from "../../lib/architecture.ts";
import { progressOnStderr } from "../../lib/progress.ts";
import { interrupted } from "../../lib/terminal.ts";
import { boardOf, isBoard } from "../../steps/image/boards/catalogue.ts";
import { programsOfRoles, rolesOfEveryImage } from "../../steps/image/roles/catalogue.ts";
import { hostPlatform } from "../../toolchain/platform.ts";
import type { WantedTool } from "../../toolchain/prerequisites.ts";
import { getTool } from "../../toolchain/tools.ts";

/** Fetches the programs for the stack's images once, before images built in parallel all ask for them. */
export async function fetchImagePrograms(settings: Pick<Settings, "images">): Promise<void> {
  await fetchPrograms(imagePrograms(settings, hostPlatform().architecture));
}

export async function fetchPrograms(programs: WantedTool[]): Promise<void> {
  const progress = progressOnStderr();
  for (const { name, architecture } of programs) await getTool(name, { architecture, progress, signal: interrupted });
}

/** The programs that the images contain, each once per architecture. */
export function imagePrograms({ images }: Pick<Settings, "images">, host: Architecture): WantedTool[] {
  const programs = Object.values(images).flatMap(({ board, roles }) => {
    const architecture = boardOf(board, host).architecture;
    return programsOfRoles(roles).map((name) => ({ name, architecture }));
  });
  return [...new Map(programs.map((program) => [`${program.name} ${program.architecture}`, program])).values()];
}

/** The same, read from the stack's file before Pulumi is installed; invalid settings are skipped and reported later. */
export function programsInFile(
  config: Record<string, unknown>,
  isWanted: (image: string) => boolean,
  host: Architecture,
): WantedTool[] {
  const unnamed = Object.fromEntries(rolesOfEveryImage.map((role) => [role, true]));
  const images = Object.entries(Object(config["piinit:images"])).flatMap(([name, image]) => {
    const { board, roles } = Object(image) as { board?: unknown; roles?: object };
    return isWanted(name) && isBoard(board) ? [[name, { board, roles: { ...unnamed, ...roles } }]] : [];
  });
  return imagePrograms({ images: Object.fromEntries(images) }, host);
}
