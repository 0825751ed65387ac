import { type Context, main, type Verb } from "../lib/program.ts";
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
export function runStep<C extends Contract>(contract: C, handlers: Handlers<C>): Promise<void> {
  const verbs = Object.entries(contract.verbs).map(([name, verb]): [string, Verb] => [
    name,
    (given, context) => {
      // The contract ties each verb to its input and answer, which the compiler can't follow through a lookup by name.
      const handle = handlers[name as VerbOf<C>] as (
        input: unknown,
        context: Context,
        last: unknown,
      ) => Promise<unknown>;
      return handle(checkInput(contract.program, verb.input, given), context, lastAnswer(contract.program, verb));
    },
  ]);
  return main(Object.fromEntries(verbs));
}

/** The program's last answer, which Pulumi passes when it updates a step whose verb sees it. */
function lastAnswer(program: string, { answer, seesLastAnswer }: Contract["verbs"][string]): unknown {
  const text = process.env.PULUMI_COMMAND_STDOUT;
  return answer && seesLastAnswer && text ? checkInput(program, answer, JSON.parse(text)) : undefined;
}
