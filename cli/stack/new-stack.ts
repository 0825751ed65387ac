import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { parseSettings } from "../../components/settings.ts";
import { UserError } from "../../lib/errors.ts";
import { createFileWhole } from "../../lib/files.ts";
import { interrupted } from "../../lib/terminal.ts";
import { backendFolder, stateFiles } from "./backend.ts";
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
  for (const { path, value } of secrets) {
    const keys = path.split(".");
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
  const states = backend === undefined ? [] : stateFiles(backend, name);
  const wasThere = states.some((state) => existsSync(state));
  try {
    const stack = await prepareStack(name);
    for (const { path, value } of secrets) await setSecret(stack, path, value);
  } catch (error) {
    await rm(file, { force: true });
    if (!wasThere) for (const state of states) await rm(state, { force: true });
    throw error;
  }
}

/** Sets a secret; its value reaches Pulumi only on standard input. */
export async function setSecret(stack: Stack, path: string, value: string): Promise<void> {
  await runPulumi(stack, ["config", "set", "--secret", "--path", `piinit:${path}`], { input: value });
}
