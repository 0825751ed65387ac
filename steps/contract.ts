import type { z } from "zod";
import { UserError } from "../lib/errors.ts";

/** One verb of a step's program: what it reads from standard input, and what it prints, both as JSON. */
export interface Verb {
  /** The program checks it before it does anything. */
  input: z.ZodType;
  /** Missing if it prints nothing. */
  answer?: z.ZodType;
  /** An update also gets the last answer. */
  seesLastAnswer?: true;
  /** The answer is a secret: Pulumi encrypts it, and what comes of it. */
  answersSecretly?: true;
}

/** What Pulumi's side and a step's program agree on; a program is `steps/PROGRAM/main.ts`. */
export interface Contract {
  program: string;
  verbs: Record<string, Verb>;
}

export const defineContract = <const C extends Contract>(contract: C): C => contract;

export type VerbOf<C extends Contract> = keyof C["verbs"] & string;

/** What a caller passes to a verb. */
export type InputOf<C extends Contract, V extends VerbOf<C>> = z.input<C["verbs"][V]["input"]>;

/** What the program gets: validated, with defaults filled in. */
export type CheckedInputOf<C extends Contract, V extends VerbOf<C>> = z.output<C["verbs"][V]["input"]>;

export type AnswerOf<C extends Contract, V extends VerbOf<C>> = C["verbs"][V] extends {
  answer: infer A extends z.ZodType;
}
  ? z.output<A>
  : // biome-ignore lint/suspicious/noConfusingVoidType: the answer of a verb that prints nothing
    void;

/**
 * Returns the input, validated.
 * @throws UserError that names every fault at once
 */
export function checkInput<S extends z.ZodType>(program: string, schema: S, input: unknown): z.output<S> {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `  ${path.join(".") || "input"}: ${message}`);
  throw new UserError([`Invalid input for the ${program} program:`, ...faults].join("\n"));
}
