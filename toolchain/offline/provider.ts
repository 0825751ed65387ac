import type { Properties } from "./values.ts";

/** A fault of a resource's or provider's inputs. An empty property means the whole. */
export interface Fault {
  property: string;
  reason: string;
}

export interface Checked {
  /** The inputs with their defaults filled in. */
  inputs: Properties;
  faults: Fault[];
}

export interface Diff {
  /** Names of the properties that changed; none means that there is nothing to do. */
  changed: string[];
  /** Those of them that need a new resource. */
  replaced: string[];
}

/** What the state holds of a resource. */
export interface Stored {
  id: string;
  inputs: Properties;
  outputs: Properties;
}

/** What one create, update, read or delete knows of its surroundings. */
export interface Context {
  /** The provider's settings, without marks of secrecy. */
  settings: Record<string, string>;
  /** Shows a line beside the resource while it is worked on. */
  log(line: string): void;
  /** Aborted by ^C, and when the engine goes away. */
  signal: AbortSignal;
  /** From `customTimeouts`; undefined when the program sets none. */
  timeoutSeconds?: number | undefined;
  preview: boolean;
}

/** One type of resource. Inputs and outputs carry the marks of values.ts: secrets stay secrets in what is returned. */
export interface Resource {
  check(inputs: Properties): Checked;
  diff(stored: Stored, inputs: Properties, context: Context): Promise<Diff>;
  /** In a preview nothing is done and outputs that aren't known yet are `unknown`. */
  create(name: string, inputs: Properties, context: Context): Promise<{ id: string; outputs: Properties }>;
  update(stored: Stored, inputs: Properties, context: Context): Promise<Properties>;
  /** The resource as it is now; undefined when it is gone. */
  read(stored: Stored, context: Context): Promise<Stored | undefined>;
  delete(stored: Stored, context: Context): Promise<void>;
}

export interface Provider {
  name: string;
  version: string;
  /** Names of the settings that are understood; all are texts. */
  settings: { required: string[]; optional: string[] };
  /** By their types, e.g. "command:local:Command". */
  resources: Record<string, Resource>;
}

/** The resource exists, but isn't as it should be: the state keeps it, and the next update tries again. */
export class PartialFailure extends Error {
  override name = "PartialFailure";
  readonly id: string;
  readonly outputs: Properties;

  constructor(id: string, outputs: Properties, reason: string) {
    super(reason);
    this.id = id;
    this.outputs = outputs;
  }
}

/** A fault for each input that has a value but isn't in the list, worded for the stand-in of that provider. */
export function refuseOthers(subject: string, inputs: Properties, known: readonly string[]): Fault[] {
  return Object.entries(inputs)
    .filter(([name, value]) => value !== null && !name.startsWith("__") && !known.includes(name))
    .map(([name]) => ({ property: name, reason: doesNot(subject, name) }));
}

/** "the offline stand-in for nomad.Job does not do `json`; use the official plugin for it". */
export function doesNot(subject: string, what: string): string {
  return `the offline stand-in for ${subject} does not do \`${what}\`; use Pulumi's official plugin for it`;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
