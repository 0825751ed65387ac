import type { AnswerOf, CheckedInputOf, Contract, VerbOf } from "../../steps/contract.ts";
import type { StackState, StateResource } from "./state.ts";

/** A step as a stack's state has it: what its program last got and answered. */
export interface StoredStep<Input, Answer> {
  urn: string;
  input: Input;
  /** Undefined if it was interrupted, or an earlier version answered otherwise. */
  answer: Answer | undefined;
}

/** The steps that a verb creates; one whose input is an earlier version's is left out. */
export function storedSteps<C extends Contract, V extends VerbOf<C>>(
  state: StackState,
  contract: C,
  verb: V,
): StoredStep<CheckedInputOf<C, V>, AnswerOf<C, V>>[] {
  const schemas = contract.verbs[verb] as Contract["verbs"][string];
  return (state.deployment.resources ?? []).flatMap((resource) => {
    if (!isStep(resource, contract.program, verb)) return [];
    const input = schemas.input.safeParse(parse(resource.inputs?.stdin));
    const answer = schemas.answer?.safeParse(parse(resource.outputs?.stdout));
    if (!input.success) return [];
    return [
      {
        urn: resource.urn,
        input: input.data as CheckedInputOf<C, V>,
        answer: (answer?.success ? answer.data : undefined) as AnswerOf<C, V> | undefined,
      },
    ];
  });
}

function isStep({ type, inputs }: StateResource, program: string, verb: string): boolean {
  return type === "command:local:Command" && String(inputs?.create ?? "").endsWith(` steps/${program}/main.ts ${verb}`);
}

function parse(value: unknown): unknown {
  const text = plainValue(value);
  if (typeof text !== "string" || text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A value of a state that was read with its secrets, without Pulumi's marks of secrecy. */
export function plainValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainValue);
  if (typeof value !== "object" || value === null) return value;
  if ("plaintext" in value) return JSON.parse(String(value.plaintext));
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plainValue(part)]));
}
