import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { canonicalJson } from "../lib/json.ts";
import type { AnswerOf, Contract, InputOf, VerbOf } from "../steps/contract.ts";

interface StepArgs<C extends Contract, V extends VerbOf<C>> {
  /** What creates and what updates: it must be safe to repeat. */
  create: V;
  /** It gets the input that `create` got. */
  delete?: { [D in VerbOf<C>]: InputOf<C, V> extends InputOf<C, D> ? D : never }[VerbOf<C>];
  /** Goes to the program's standard input as JSON; always a secret, because most inputs hold one. */
  input: pulumi.Input<InputOf<C, V>>;
}

/** One of our own programs as a Pulumi resource: JSON in, JSON out, progress shown while it runs. */
export class Step<C extends Contract, V extends VerbOf<C>> extends command.local.Command {
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
      // What a step prints may repeat what it read.
      { ...options, deleteBeforeReplace: true, additionalSecretOutputs: ["stdout", "stderr"] },
    );
  }

  /**
   * What the program printed; never a secret. It isn't checked again: an earlier version of the program may have printed it.
   * A targeted update, as `./piinit build` is, leaves the steps that it does not name without an answer; a step that was
   * interrupted when it was made has an empty one until it has been updated.
   */
  answer(): pulumi.Output<AnswerOf<C, V>> {
    const parse = (text?: string) => (text ? JSON.parse(text) : pulumi.unknown) as AnswerOf<C, V>;
    return pulumi.unsecret(this.stdout).apply(parse) as pulumi.Output<AnswerOf<C, V>>;
  }
}
