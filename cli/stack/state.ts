import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { UserError } from "../../lib/errors.ts";
import type { RunOptions } from "../../lib/run.ts";
import { quoteCommand } from "../../lib/shell.ts";
import { backendFolder, stateFiles, statesFolder } from "./backend.ts";
import { runPulumi, type Stack } from "./stack.ts";

/** The parts of `pulumi stack export` that are used here, with their secrets in clear: keep it in memory. */
export interface StackState {
  deployment: {
    resources?: StateResource[];
    pending_operations?: PendingOperation[];
  };
}

export interface StateResource {
  urn: string;
  type: string;
  id?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  /** "URN::ID" of its provider. */
  provider?: string;
  /** URNs. */
  parent?: string;
  dependencies?: string[];
  deletedWith?: string;
  /** Why its creation is incomplete: Pulumi updates such a resource even if nothing else has changed. */
  initErrors?: string[];
}

/** The stack itself, which has its outputs. */
export const isStack = ({ type }: StateResource): boolean => type === "pulumi:pulumi:Stack";

/** What Pulumi was doing when it was killed. */
export interface PendingOperation {
  type: string;
  resource: StateResource;
}

/**
 * @param options `signal: undefined` reads it even after ^C
 * @throws UserError saying how to restore the state if its file is damaged
 */
export async function readState(stack: Stack, options: RunOptions = {}): Promise<StackState> {
  try {
    return JSON.parse(await runPulumi(stack, ["stack", "export", "--show-secrets"], options)) as StackState;
  } catch (error) {
    const isDamaged = error instanceof UserError && error.message.includes("failed to load checkpoint");
    throw (isDamaged && (await damagedState(stack))) || error;
  }
}

/** Replaces the state; Pulumi encrypts its secrets again and drops pending operations. */
export async function writeState(stack: Stack, state: StackState, options: RunOptions = {}): Promise<void> {
  await runPulumi(stack, ["stack", "import"], { ...options, input: JSON.stringify(state) });
}

/** A state whose resources `change` has replaced; the same object if it returns each as it is. */
export function withResources(state: StackState, change: (resource: StateResource) => StateResource): StackState {
  const resources = state.deployment.resources ?? [];
  const changed = resources.map(change);
  if (changed.every((resource, index) => resource === resources[index])) return state;
  return { ...state, deployment: { ...state.deployment, resources: changed } };
}

const commandType = "command:local:Command";

/**
 * The state after a killed update, with its pending operations turned into resources so that nothing is lost: the next
 * `up` updates what may be half done, and `destroy` deletes it. All our steps can be repeated.
 * A key or a job whose first creation was interrupted has no id yet: the next `up` creates it again.
 */
export function resolvePending(state: StackState): StackState {
  const { resources = [], pending_operations: pending = [] } = state.deployment;
  if (pending.length === 0) return state;
  const operations = new Map(pending.map(({ type, resource }) => [resource.urn, { type, resource }]));
  const known = new Set(resources.map(({ urn }) => urn));
  const interrupted = (type: string) => ({ initErrors: [`interrupted while ${type}`] });
  const newCommands = [...operations.values()].filter(
    ({ resource: { urn, type } }) => !known.has(urn) && type === commandType,
  );
  return {
    ...state,
    deployment: {
      ...state.deployment,
      pending_operations: [],
      resources: [
        ...resources.map((resource) => {
          const operation = operations.get(resource.urn);
          return operation ? { ...resource, ...interrupted(operation.type) } : resource;
        }),
        ...newCommands.map(({ type, resource }) => ({
          ...resource,
          id: "interrupted",
          outputs: { ...resource.inputs, stdout: "", stderr: "" },
          ...interrupted(type),
        })),
      ],
    },
  };
}

/** Names the newest intact copy of a damaged state; undefined for other backends, or if the file is intact. */
async function damagedState({ name, env }: Stack): Promise<UserError | undefined> {
  const backend = backendFolder(env.PULUMI_BACKEND_URL ?? "");
  if (!backend) return undefined;
  const folder = statesFolder(backend);
  const backups = path.join(backend, ".pulumi", "backups", "piinit", name);
  const damaged = (await statesIn(folder)).find(({ file }) => stateFiles(backend, name).includes(file));
  if (!damaged || damaged.isWhole) return undefined;
  const copies = [...(await statesIn(folder)).filter(({ file }) => file === `${damaged.file}.bak`)];
  const [newest] = [...copies, ...(await statesIn(backups))]
    .filter(({ isWhole }) => isWhole)
    .sort((a, b) => b.changed - a.changed);
  return new UserError(
    [
      `The state of stack ${name} is damaged, perhaps by a power cut: ${damaged.file}`,
      newest
        ? `Restore its newest intact copy, then run this command again: ${quoteCommand("cp", [newest.file, damaged.file])}`
        : "There is no intact copy here: restore the file from your own backup.",
    ].join("\n"),
  );
}

interface StateFile {
  file: string;
  isWhole: boolean;
  /** Milliseconds since 1970. */
  changed: number;
}

async function statesIn(folder: string): Promise<StateFile[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.json(\.gz)?(\.bak)?$/.test(name));
  return Promise.all(
    names.map(async (name) => {
      const file = path.join(folder, name);
      return { file, isWhole: isWhole(await readFile(file)), changed: (await stat(file)).mtimeMs };
    }),
  );
}

function isWhole(content: Buffer): boolean {
  try {
    const isGzip = content[0] === 0x1f && content[1] === 0x8b;
    const state: unknown = JSON.parse((isGzip ? gunzipSync(content) : content).toString());
    return typeof state === "object" && state !== null;
  } catch {
    return false;
  }
}
