import { runStep } from "../run-step.ts";
import { jobsStep } from "./contract.ts";
import { dropSecrets, keepSecrets } from "./secrets.ts";
import { awaitJob } from "./wait.ts";

await runStep(jobsStep, {
  "keep-secrets": (job, { progress, signal }) => keepSecrets(job, progress, signal),
  "drop-secrets": (job, { progress, signal }) => dropSecrets(job, progress, signal),
  await: (job, { progress, signal }) => awaitJob(job, progress, signal),
});
