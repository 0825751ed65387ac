import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const { piinitProject } = globalThis as { piinitProject?: string };

/** The project's top folder; a compiled program, which is elsewhere, is told by start/load.mjs. */
export const projectDir = piinitProject ?? path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

/** Whatever can be downloaded or built again: tools, downloads, image layers. Shared by all checkouts of this user. */
export function cacheDir(...parts: string[]): string {
  return path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "piinit", ...parts);
}

/** What belongs to this user and can't be recreated: the passphrase for the stacks' secrets. */
export function configDir(...parts: string[]): string {
  return path.join(process.env.XDG_CONFIG_HOME || path.join(homedir(), ".config"), "piinit", ...parts);
}

/** What belongs to one stack of this checkout: its images, logs and lab machines. */
export function stackDir(stack: string, ...parts: string[]): string {
  return path.join(projectDir, ".piinit", stack, ...parts);
}
