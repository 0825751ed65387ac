import { X509Certificate } from "node:crypto";
import type { Problem } from "../../steps/cluster/status.ts";
import { securityStep } from "../../steps/security/contract.ts";
import type { StackState } from "./state.ts";
import { storedSteps } from "./steps.ts";

const yearMs = 365 * 24 * 3600 * 1000;

/** What to do about a stack's certificates that end within a year: whoever looks seldom has time to act. */
export function endingCertificates(state: StackState, stack: string, now = Date.now()): Problem[] {
  const ends = [
    ...storedSteps(state, securityStep, "authority"),
    ...storedSteps(state, securityStep, "certificate"),
  ].flatMap(({ answer }) => (answer ? [Date.parse(new X509Certificate(answer.certificate).validTo)] : []));
  const first = Math.min(...ends);
  if (!(first < now + yearMs)) return [];
  const day = new Date(first).toISOString().slice(0, 10);
  return [{ problem: `the machines' certificates end on ${day}`, action: `make new ones by ./piinit rotate ${stack}` }];
}
