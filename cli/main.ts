import { Command } from "commander";
import { handleSignals, reportError } from "../lib/terminal.ts";
import { finishOrReport } from "../lib/unfinished.ts";

/** A command's file: its arguments, options and what it does. */
type Load = () => Promise<{ define(command: Command): void }>;

/** A command is one file and one line here. Only the command that runs is loaded: loading all takes a second. */
const commands: [name: string, summary: string, load: Load][] = [
  ["init", "make a new stack: find the router and the machines, ask for the rest", () => import("./init.ts")],
  ["up", "create or update everything as the stack's settings say", () => import("./up.ts")],
  ["preview", "show what up would do", () => import("./preview.ts")],
  ["destroy", "remove everything again", () => import("./destroy.ts")],
  ["status", "show the current state of machines, quorum and jobs", () => import("./status.ts")],
  ["ui", "open Consul's and Nomad's own pages on this computer, signed in", () => import("./ui.ts")],
  ["discover", "list who has an address from the home router, Raspberry Pis first", () => import("./discover.ts")],
  ["snapshot", "write all that Consul and Nomad have into one encrypted file", () => import("./snapshot.ts")],
  ["restore", "bring a snapshot into the cluster, such as after all cards were lost", () => import("./restore.ts")],
  ["rollback", "start the image again that a machine ran before its last update", () => import("./rollback.ts")],
  ["rotate", "make every certificate, token and gossip key anew, such as after a theft", () => import("./rotate.ts")],
  ["build", "build one image and nothing else", () => import("./build.ts")],
  ["cache", "show what this user's cache takes; prune removes what no image needs", () => import("./cache.ts")],
  ["burn", "write an image to a card, verify it, and show what to do next", () => import("./burn.ts")],
  ["lab", "the lab's virtual machines: start, stop, kill, cut, join, ssh, console", () => import("./lab.ts")],
  ["import", "convert the Packer variable files of the original piinit into a stack", () => import("./import.ts")],
  ["secret", "set a secret of a stack; asks for its value, or reads it from stdin", () => import("./secret.ts")],
  ["env", 'print the environment for Pulumi\'s own commands: eval "$(./piinit env)"', () => import("./env.ts")],
  ["doctor", "check this machine, the tools and a stack's settings", () => import("./doctor.ts")],
  [
    "test",
    "run the test suites unit, engine and e2e, or those named (also: boards, browser, routers, updates, upgrades)",
    () => import("./test.ts"),
  ],
];

const program = new Command("piinit")
  .usage("COMMAND [STACK]")
  .description(
    "A home cluster of small machines, from bare SD card to running job.\nSTACK is a file stacks/Pulumi.STACK.yaml; the default is `lab`.",
  )
  .helpCommand(false)
  .showHelpAfterError("(see ./piinit --help)")
  .enablePositionalOptions()
  // A command's arguments are in its file, which the list doesn't load.
  .configureHelp({ subcommandTerm: (command) => command.name() })
  .addHelpText("after", "\nHelp for one command: ./piinit COMMAND --help");

for (const [name, summary] of commands) program.command(name).description(summary);
program.hook("preSubcommand", async (_, command) => {
  const [, , load] = commands.find(([name]) => name === command.name()) ?? [];
  (await load?.())?.define(command);
});

handleSignals();
try {
  await finishOrReport(program.parseAsync().then(() => {}));
} catch (error) {
  reportError(error);
}
