import { Command } from "commander";
import { attendSignals, reportError } from "../lib/terminal.ts";
import { finishOrTell } from "../lib/unfinished.ts";

/** A command's file: its arguments, options and what it does. */
type Load = () => Promise<{ define(command: Command): void }>;

/** A command is one file and one line here. Its file is loaded only when it is wanted: all of them take a second. */
const commands: [name: string, summary: string, load: Load][] = [
  ["up", "make everything as the stack's settings say", () => import("./up.ts")],
  ["preview", "show what up would do", () => import("./preview.ts")],
  ["destroy", "take all of it down again", () => import("./destroy.ts")],
  ["status", "show machines, quorum and jobs as they are now", () => import("./status.ts")],
  ["build", "build one image, and nothing else", () => import("./build.ts")],
  ["burn", "write an image to a card, verify it, and say what to do next", () => import("./burn.ts")],
  ["lab", "the lab's virtual machines: start, stop, kill, cut, join, ssh, console", () => import("./lab.ts")],
  ["import", "make a stack of the Packer variable files of the original piinit", () => import("./import.ts")],
  ["secret", "set a secret of a stack: asks for its value, or reads it from stdin", () => import("./secret.ts")],
  ["env", 'print the environment for Pulumi\'s own commands: eval "$(./piinit env)"', () => import("./env.ts")],
  ["doctor", "check this machine, the tools and a stack's settings", () => import("./doctor.ts")],
  ["test", "run the tests: unit, engine, e2e; or the suites named (boards too)", () => import("./test.ts")],
];

const program = new Command("piinit")
  .usage("COMMAND [STACK]")
  .description(
    "A home cluster of small machines, from bare SD card to running job.\nSTACK is a file stacks/Pulumi.STACK.yaml; `lab` when none is given.",
  )
  .helpCommand(false)
  .showHelpAfterError("(see ./piinit --help)")
  .enablePositionalOptions()
  // What a command takes is in its file, which the list doesn't load.
  .configureHelp({ subcommandTerm: (command) => command.name() })
  .addHelpText("after", "\nWhat a command takes: ./piinit COMMAND --help");

for (const [name, summary] of commands) program.command(name).description(summary);
program.hook("preSubcommand", async (_, command) => {
  const [, , load] = commands.find(([name]) => name === command.name()) ?? [];
  (await load?.())?.define(command);
});

attendSignals();
try {
  await finishOrTell(program.parseAsync().then(() => {}));
} catch (error) {
  reportError(error);
}
