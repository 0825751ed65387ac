import { runStep } from "../run-step.ts";
import { accessStep } from "./contract.ts";
import { grantAccess } from "./grant.ts";

await runStep(accessStep, {
  grant: (wanted, { progress, signal }) => grantAccess(wanted, progress, signal),
});
