import { runStep } from "../run-step.ts";
import { clusterStep } from "./contract.ts";
import { waitUntilReady } from "./wait.ts";

await runStep(clusterStep, {
  wait: (expectation, { progress, signal }, last) => waitUntilReady(expectation, progress, signal, last),
});
