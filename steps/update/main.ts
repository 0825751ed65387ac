import { runStep } from "../run-step.ts";
import { updateStep } from "./contract.ts";
import { updateMachine } from "./update.ts";

await runStep(updateStep, { update: updateMachine });
