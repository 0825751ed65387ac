import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { canonicalJson } from "../lib/json.ts";

interface StepArgs {
  /** The program below steps/ that does the work. */
  program: "cluster" | "image" | "lab" | "router";
  /** What creates and what updates: it must be safe to repeat. */
  create: string;
  delete?: string;
  /** Goes to the program's standard input as JSON; always a secret, because most inputs hold one. */
  input: pulumi.Input<object>;
  /** An update gets what the program answered last, in its environment as PULUMI_COMMAND_STDOUT. */
  seesLastAnswer?: boolean;
}

/** One of our own programs as a Pulumi resource: JSON in, JSON out, progress shown while it runs. */
export class Step extends command.local.Command {
  constructor(name: string, args: StepArgs, options: pulumi.CustomResourceOptions) {
    const commandLine = (verb: string) => `node --import tsx steps/${args.program}/main.ts ${verb}`;
    super(
      name,
      {
        create: commandLine(args.create),
        ...(args.delete && { delete: commandLine(args.delete) }),
        stdin: pulumi.secret((pulumi.output(args.input) as pulumi.Output<unknown>).apply(canonicalJson)),
        logging: command.local.Logging.Stderr,
        addPreviousOutputInEnv: args.seesLastAnswer ?? false,
      },
      // What a step prints may repeat what it read.
      { ...options, deleteBeforeReplace: true, additionalSecretOutputs: ["stdout", "stderr"] },
    );
  }

  /**
   * What the program printed: its schema is the program's own, so its type is named by the caller. Never a secret.
   * A targeted update, as `./piinit build` is, leaves the steps that it does not name without an answer; a step that was
   * interrupted when it was made has an empty one until it has been updated.
   */
  answer<Answer>(): pulumi.Output<Answer> {
    const parse = (text?: string) => (text ? JSON.parse(text) : pulumi.unknown) as Answer;
    return pulumi.unsecret(this.stdout).apply(parse) as pulumi.Output<Answer>;
  }
}
