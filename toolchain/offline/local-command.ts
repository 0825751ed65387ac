import { randomBytes } from "node:crypto";
import { type Checked, type Context, type Resource, refuseOthers } from "./provider.ts";
import { CommandFailure, runCommand, type ShellCommand, type Stream } from "./shell.ts";
import { changedProperties, containsSecret, type Properties, revealAll, unknown } from "./values.ts";

const inputNames = [
  "create",
  "update",
  "delete",
  "dir",
  "environment",
  "interpreter",
  "stdin",
  "triggers",
  "logging",
  "addPreviousOutputInEnv",
];

/** Not stored in the inputs, because the official plugin doesn't. */
const defaults = { addPreviousOutputInEnv: true };

const loggedStreams: Record<string, Stream[]> = {
  stdout: ["stdout"],
  stderr: ["stderr"],
  stdoutAndStderr: ["stdout", "stderr"],
  none: [],
};

/** `command:local:Command`: a shell command for each of create, update and delete. */
export const localCommand: Resource = {
  check,

  async diff({ inputs }, news) {
    const changed = changedProperties({ ...defaults, ...inputs }, { ...defaults, ...news });
    return { changed, replaced: changed.filter((name) => name === "triggers") };
  },

  async create(name, inputs, context) {
    const id = name + randomBytes(4).toString("hex");
    return { id, outputs: await run("create", inputs, {}, context) };
  },

  async update({ outputs }, news, context) {
    return run(news.update == null ? "create" : "update", news, outputs, context);
  },

  async read(stored) {
    return stored;
  },

  async delete({ outputs }, context) {
    await run("delete", outputs, outputs, context);
  },
};

function check(inputs: Properties): Checked {
  const faults = refuseOthers("command.local.Command", inputs, inputNames);
  const { logging } = inputs;
  if (typeof logging === "string" && logging !== unknown && !(logging in loggedStreams)) {
    faults.push({ property: "logging", reason: `must be one of ${Object.keys(loggedStreams).join(", ")}` });
  }
  return { inputs, faults };
}

/** Runs the command of a verb, if there is one, and returns the resource's outputs. */
async function run(
  verb: "create" | "update" | "delete",
  inputs: Properties,
  previous: Properties,
  context: Context,
): Promise<Properties> {
  // As in the official plugin, a command's output isn't secret, even if an input is.
  if (context.preview) return { ...inputs, stdout: unknown, stderr: unknown };
  const before = { stdout: previous.stdout ?? "", stderr: previous.stderr ?? "" };
  const { stdout, stderr } = inputs[verb] == null ? before : await execute(verb, inputs, previous, context);
  return { ...inputs, stdout, stderr };
}

async function execute(verb: string, inputs: Properties, previous: Properties, context: Context) {
  const plain = revealAll(inputs);
  const command = shellCommand(String(plain[verb]), plain, revealAll(previous));
  const streams = loggedStreams[String(plain.logging ?? "stdoutAndStderr")] ?? [];
  const onLine = (stream: Stream, line: string) => {
    if (streams.includes(stream)) context.log(line);
  };
  try {
    return await runCommand(command, onLine, context.signal);
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    const shown = containsSecret(inputs[verb] ?? null) ? `a secret \`${verb}\`` : JSON.stringify(command.command);
    throw new Error(`${error.message}: running ${shown}:\n${lastLines(error.output)}`, { cause: error });
  }
}

/** The command to run. @param inputs without secret marks, as are the previous outputs */
export function shellCommand(command: string, inputs: Properties, previous: Properties): ShellCommand {
  const interpreter = Array.isArray(inputs.interpreter) ? inputs.interpreter.map(String) : [];
  const withPrevious = inputs.addPreviousOutputInEnv !== false;
  return {
    command,
    interpreter: interpreter.length > 0 ? interpreter : ["/bin/sh", "-c"],
    dir: inputs.dir == null ? undefined : String(inputs.dir),
    stdin: inputs.stdin == null ? undefined : String(inputs.stdin),
    environment: {
      ...asTexts(inputs.environment),
      ...(withPrevious && previous.stdout && { PULUMI_COMMAND_STDOUT: String(previous.stdout) }),
      ...(withPrevious && previous.stderr && { PULUMI_COMMAND_STDERR: String(previous.stderr) }),
    },
  };
}

function asTexts(environment: Properties[string] | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(environment ?? {}).map(([name, value]) => [name, String(value)]));
}

const shownLines = 60;

function lastLines(output: string): string {
  const lines = output.trimEnd().split("\n");
  const left = lines.length - shownLines;
  return left > 0 ? [`(${left} earlier lines)`, ...lines.slice(-shownLines)].join("\n") : lines.join("\n");
}
