import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { canonicalJson } from "../lib/json.ts";
import type { AnswerOf, Contract, InputOf, VerbOf } from "../steps/contract.ts";

interface StepArgs<C extends Contract, V extends VerbOf<C>> {
  /** Verbs that create and update; they must be safe to repeat. */
  create: V;
  /** Gets the same input as `create`. */
  delete?: { [D in VerbOf<C>]: InputOf<C, V> extends InputOf<C, D> ? D : never }[VerbOf<C>];
  /** The program's standard input, as JSON; always a secret, because most inputs contain one. */
  input: pulumi.Input<InputOf<C, V>>;
}

/** One of our own programs as a Pulumi resource: JSON in, JSON out, progress shown while it runs. */
export class Step<C extends Contract, V extends VerbOf<C>> extends command.local.Command {
  readonly #isSecret: boolean;

  constructor(name: string, { program, verbs }: C, args: StepArgs<C, V>, options: pulumi.CustomResourceOptions) {
    const commandLine = (verb: string) => `node --import tsx steps/${program}/main.ts ${verb}`;
    super(
      name,
      {
        create: commandLine(args.create),
        ...(args.delete && { delete: commandLine(args.delete) }),
        stdin: pulumi.secret((pulumi.output(args.input) as pulumi.Output<unknown>).apply(canonicalJson)),
        logging: command.local.Logging.Stderr,
        addPreviousOutputInEnv: verbs[args.create]?.seesLastAnswer ?? false,
      },
      // A step's output may repeat its input.
      { ...options, deleteBeforeReplace: true, additionalSecretOutputs: ["stdout", "stderr"] },
    );
    this.#isSecret = verbs[args.create]?.answersSecretly ?? false;
  }

  /**
   * What the program printed; a secret only if the verb says so. It isn't validated, because an earlier version may have printed it.
   * In a targeted update, such as `./piinit build`, other steps have no answer; a step whose creation was interrupted
   * has an empty one until it has been updated.
   */
  answer(): pulumi.Output<AnswerOf<C, V>> {
    const parse = (text?: string) => (text ? JSON.parse(text) : pulumi.unknown) as AnswerOf<C, V>;
    const text = this.#isSecret ? pulumi.secret(this.stdout) : pulumi.unsecret(this.stdout);
    return text.apply(parse) as pulumi.Output<AnswerOf<C, V>>;
  }
}
