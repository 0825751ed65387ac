import { Command } from "commander";
import { attendSignals, reportError } from "../lib/terminal.ts";
import { finishOrTell } from "../lib/unfinished.ts";
import { addBuild } from "./build.ts";
import { addBurn } from "./burn.ts";
import { addDoctor } from "./doctor.ts";
import { addEnv } from "./env.ts";
import { addImport } from "./import.ts";
import { addLab } from "./lab.ts";
import { addLifecycle } from "./lifecycle.ts";
import { addSecret } from "./secret.ts";
import { addStatus } from "./status.ts";
import { addTest } from "./test.ts";

const program = new Command("piinit")
  .usage("COMMAND [STACK]")
  .description(
    "A home cluster of small machines, from bare SD card to running job.\nSTACK is a file stacks/Pulumi.STACK.yaml; `lab` when none is given.",
  )
  .helpCommand(false)
  .showHelpAfterError("(see ./piinit --help)")
  .enablePositionalOptions();

for (const add of [
  addLifecycle,
  addStatus,
  addBuild,
  addBurn,
  addLab,
  addImport,
  addSecret,
  addEnv,
  addDoctor,
  addTest,
])
  add(program);

attendSignals();
try {
  await finishOrTell(program.parseAsync().then(() => {}));
} catch (error) {
  reportError(error);
}
