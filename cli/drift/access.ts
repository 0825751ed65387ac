import { NoAnswer } from "../../lib/http.ts";
import { interrupted } from "../../lib/terminal.ts";
import { accessStep } from "../../steps/access/contract.ts";
import { lackingAccess } from "../../steps/access/grant.ts";
import type { StackState } from "../stack/state.ts";
import { storedSteps } from "../stack/steps.ts";
import type { Findings } from "./correction.ts";

/** Finds rights, tokens and the servers' votes where they are gone or were changed, such as those of a cluster whose cards are all new. */
export async function accessDrift(
  state: StackState,
  { consulUrl, nomadUrl }: { consulUrl: string | undefined; nomadUrl: string | undefined },
): Promise<Findings> {
  const [granted] = storedSteps(state, accessStep, "grant");
  if (!granted) return { corrections: [], unknown: [] };
  const unknown = (why: string) => ({
    corrections: [],
    unknown: [`the rights in Consul could not be checked: ${why}`],
  });
  if (!consulUrl) return unknown("no Consul server answers");
  try {
    const lacking = await lackingAccess(granted.input, { consulUrl, nomadUrl }, interrupted);
    const reason = `the cluster's rights and tokens are no longer as they were granted (${lacking} differ): up grants them again`;
    return { corrections: lacking > 0 ? [{ urn: granted.urn, reason }] : [], unknown: [] };
  } catch (error) {
    interrupted.throwIfAborted();
    if (!(error instanceof NoAnswer)) throw error;
    return unknown(error.message);
  }
}
