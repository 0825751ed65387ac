import type { Properties } from "./values.ts";

/** What is wrong with an input of a resource or provider. An empty property stands for all inputs. */
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
  /** Names of the changed properties; empty if there is nothing to do. */
  changed: string[];
  /** Those of them that require a replacement. */
  replaced: string[];
}

/** A resource as the state has it. */
export interface Stored {
  id: string;
  inputs: Properties;
  outputs: Properties;
}

/** The circumstances of one operation on a resource. */
export interface Context {
  /** The provider's settings, without secret marks. */
  settings: Record<string, string>;
  /** Shows a line beside the resource during the operation. */
  log(line: string): void;
  /** Aborted by ^C, and when the engine ends. */
  signal: AbortSignal;
  preview: boolean;
}

/** One type of resource. Inputs and outputs have the marks of values.ts, so that secrets stay secret. */
export interface Resource {
  check(inputs: Properties): Checked;
  diff(stored: Stored, inputs: Properties, context: Context): Promise<Diff>;
  /** A preview does nothing; outputs that aren't known yet are `unknown`. */
  create(name: string, inputs: Properties, context: Context): Promise<{ id: string; outputs: Properties }>;
  update(stored: Stored, inputs: Properties, context: Context): Promise<Properties>;
  /** The resource as it is now; undefined if it no longer exists. */
  read(stored: Stored, context: Context): Promise<Stored | undefined>;
  delete(stored: Stored, context: Context): Promise<void>;
}

export interface Provider {
  name: string;
  version: string;
  /** Names of the supported settings; all are strings. */
  settings: { required: string[]; optional: string[] };
  /** By their types, e.g. "command:local:Command". */
  resources: Record<string, Resource>;
}

/** The resource exists but isn't complete: the state keeps it, and the next update tries again. */
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

/** A fault for each input that has a value but isn't supported. */
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
