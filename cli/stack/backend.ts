import { homedir } from "node:os";
import path from "node:path";
import { projectDir } from "../../lib/paths.ts";

/** The folder of a file backend; undefined for any other backend. */
export function backendFolder(url: string): string | undefined {
  if (!url.startsWith("file://")) return undefined;
  const file = decodeURI(url.slice("file://".length).replace(/\?.*$/, ""));
  return path.resolve(projectDir, file.replace(/^~(?=\/|$)/, homedir()));
}

/** Where a file backend stores the states of this project. */
export const statesFolder = (backend: string): string => path.join(backend, ".pulumi", "stacks", "piinit");

/** The files of which one is a stack's state in a file backend. */
export function stateFiles(backend: string, stack: string): string[] {
  return [`${stack}.json`, `${stack}.json.gz`].map((name) => path.join(statesFolder(backend), name));
}
