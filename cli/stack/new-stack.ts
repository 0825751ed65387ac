import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { parseSettings } from "../../components/settings.ts";
import { UserError } from "../../lib/errors.ts";
import { createFileWhole } from "../../lib/files.ts";
import { interrupted } from "../../lib/terminal.ts";
import { backendFolder, stateFiles, statesFolder } from "./backend.ts";
import { backendUrl, prepareStack, runPulumi, type Stack } from "./stack.ts";
import { stackFileOf } from "./stack-file.ts";

/** A secret by its path below `piinit:`, whose parts have no dots. */
export interface Secret {
  path: string;
  value: string;
}

/** @throws UserError if no new stack can have that name */
export function refuseName(name: string, flag: string): void {
  if (!/^[a-z][a-z0-9-]*$/.test(name))
    throw new UserError(`${name} must be a stack's name: lower-case letters, digits and hyphens, a letter first`);
  if (existsSync(stackFileOf(name)))
    throw new UserError(
      `Stack ${name} exists already, in stacks/Pulumi.${name}.yaml, and was left unchanged. Create another: ${flag}`,
    );
}

/** Checks a new stack's settings, the values below `piinit:`, with its secrets in their places. @throws UserError */
export function checkSettings(settings: Record<string, unknown>, secrets: readonly Secret[], stack: string): void {
  const complete = structuredClone(settings);
  for (const { path: place, value } of secrets) {
    const keys = place.split(".");
    const last = keys.pop() ?? "";
    const parent = keys.reduce((object, key) => object[key] as Record<string, unknown>, complete);
    parent[last] = value;
  }
  parseSettings(complete, stack);
}

/**
 * Writes a new stack's file and has Pulumi encrypt its secrets, if there are any. If that fails or is interrupted, neither
 * the file nor the stack is left.
 */
export async function createStack(name: string, text: string, secrets: readonly Secret[]): Promise<void> {
  const file = stackFileOf(name);
  interrupted.throwIfAborted();
  if (!(await createFileWhole(file, text, 0o644))) refuseName(name, "give another name");
  if (secrets.length === 0) return;
  const backend = backendFolder(backendUrl());
  // Unknown for other backends, where an empty stack may be left.
  const isNew = backend !== undefined && !stateFiles(backend, name).some((state) => existsSync(state));
  try {
    const stack = await prepareStack(name);
    for (const secret of secrets) await setSecret(stack, secret.path, secret.value);
  } catch (error) {
    await rm(file, { force: true });
    if (isNew) await removeState(statesFolder(backend), name);
    throw error;
  }
}

/** An empty stack's state, with the copies and notes that Pulumi keeps beside it. */
async function removeState(folder: string, name: string): Promise<void> {
  const files = await readdir(folder).catch(() => []);
  for (const file of files) if (file.startsWith(`${name}.json`)) await rm(path.join(folder, file), { force: true });
}

/** Sets a secret; its value reaches Pulumi only on standard input. */
export async function setSecret(stack: Stack, place: string, value: string): Promise<void> {
  await runPulumi(stack, ["config", "set", "--secret", "--path", `piinit:${place}`], { input: value });
}
