import type { Access } from "../../steps/agents.ts";
import { clusterStep } from "../../steps/cluster/contract.ts";
import { securityStep } from "../../steps/security/contract.ts";
import { tokensOf } from "../../steps/security/tokens.ts";
import type { StackState } from "./state.ts";
import { storedSteps } from "./steps.ts";

/** The agents that `up` found last, and what opens them. */
export interface StackAgents {
  consulUrl: string;
  /** Missing if the stack has no Nomad servers. */
  nomadUrl?: string | undefined;
  access: Access;
}

/** Undefined before the first `up`. */
export function agentsIn(state: StackState): StackAgents | undefined {
  const [gate] = storedSteps(state, clusterStep, "wait");
  const { access } = gate?.input ?? {};
  return gate?.answer && access && { ...gate.answer, access };
}

/** Of the page of the stack's Prometheus; undefined before the first `up`. */
export function prometheusPasswordIn(state: StackState): string | undefined {
  const [authority] = storedSteps(state, securityStep, "authority");
  return authority?.answer && tokensOf(authority.answer.secret, []).prometheusPage.secret;
}
