import { runStep } from "../run-step.ts";
import { labStep } from "./contract.ts";
import { labRouterName } from "./facts.ts";
import { createLab, deleteLab } from "./lab.ts";
import { removeMachine, replaceMachine } from "./machine.ts";
import { startRouter } from "./router-machine.ts";

await runStep(labStep, {
  "lab-create": ({ dir }) => createLab(dir),
  "lab-delete": ({ dir }) => deleteLab(dir),
  "router-start": startRouter,
  "router-stop": ({ dir }, context) => removeMachine(dir, labRouterName, context),
  "machine-start": replaceMachine,
  "machine-stop": ({ dir, name }, context) => removeMachine(dir, name, context),
});
