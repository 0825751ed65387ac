import { runStep } from "../run-step.ts";
import { jobsStep } from "./contract.ts";
import { awaitJob } from "./wait.ts";

await runStep(jobsStep, {
  await: (job, { progress, signal }) => awaitJob(job, progress, signal),
});
