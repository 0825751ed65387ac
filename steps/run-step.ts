import { type Context, main, type ReadInput, type Verb } from "../lib/program.ts";
import { type AnswerOf, type CheckedInputOf, type Contract, checkInput, type VerbOf } from "./contract.ts";

/** Does each verb's work. */
export type Handlers<C extends Contract> = {
  [V in VerbOf<C>]: (
    input: CheckedInputOf<C, V>,
    context: Context,
    last: AnswerOf<C, V> | undefined,
  ) => Promise<AnswerOf<C, V>>;
};

/** Runs the verb that the command line names. */
export function runStep<C extends Contract>(contract: C, handlers: Handlers<C>, readInput?: ReadInput): Promise<void> {
  const verbs = Object.entries(contract.verbs).map(([name, { input, answer }]): [string, Verb] => [
    name,
    (given, context) => {
      // The contract ties each verb to its input and answer, which the compiler can't follow through a lookup by name.
      const handle = handlers[name as VerbOf<C>] as (
        input: unknown,
        context: Context,
        last: unknown,
      ) => Promise<unknown>;
      return handle(checkInput(contract.program, input, given), context, answer?.safeParse(lastAnswer()).data);
    },
  ]);
  return main(Object.fromEntries(verbs), readInput);
}

/** The program's last answer, which Pulumi passes when it updates such a step. */
function lastAnswer(): unknown {
  const text = process.env.PULUMI_COMMAND_STDOUT;
  return text ? JSON.parse(text) : undefined;
}
