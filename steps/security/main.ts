import { runStep } from "../run-step.ts";
import { authorityFor } from "./authority.ts";
import { certify } from "./certificate.ts";
import { securityStep } from "./contract.ts";
import { makeSigner } from "./signer.ts";

await runStep(securityStep, {
  authority: (request, _context, last) => authorityFor(request, last),
  certificate: (request) => certify(request),
  signer: async (_request, _context, last) => last ?? makeSigner(),
});
