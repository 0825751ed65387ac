import { digest } from "../../lib/json.ts";
import { type Progress, progressOnStderr } from "../../lib/progress.ts";
import type { Access } from "../../steps/agents.ts";
import { missingMachines } from "../../steps/cluster/patience.ts";
import type { Stack } from "../stack/stack.ts";
import { type StackState, type StateResource, writeState } from "../stack/state.ts";
import { accessDrift } from "./access.ts";
import { type Correction, correct, type Findings } from "./correction.ts";
import { type ClusterNow, gateDrift, gateOf, lookAtCluster } from "./gate.ts";
import { imageDrift } from "./images.ts";
import { jobDrift, jobsWithoutIdentity } from "./jobs.ts";
import { keyDrift } from "./keys.ts";
import { labDrift } from "./lab.ts";
import { type RouterFindings, routerDrift, type Wanted } from "./router.ts";
import { secretDrift } from "./secrets.ts";
import { updateDrift } from "./updates.ts";

/** What a stack has made, compared with what is there. */
export interface Drift extends Findings {
  /** Undefined if there is none yet. */
  cluster: ClusterNow | undefined;
  /** Why the gate must look again. */
  gate: Correction[];
  /** Sentences about machines that no update reaches. */
  silent: string[];
  /** The router's part of it. */
  router: RouterFindings;
}

/** What is known before a look. */
interface Known {
  /** The settings of the update to come. */
  settings?: Wanted | undefined;
  /** What an earlier look of the same run found. */
  router?: RouterFindings | undefined;
}

/**
 * Corrects the state before an update so that the update repairs what is gone or was changed behind its back: Pulumi's
 * plugins compare the settings with the state only, and would call it unchanged.
 */
export async function correctState(stack: Stack, state: StackState, corrections: readonly Correction[]): Promise<void> {
  if (corrections.length === 0) return;
  tell(corrections);
  await writeState(stack, correct(state, corrections));
}

/** Says what an update will repair. */
export function tell(corrections: readonly Correction[]): void {
  for (const { reason } of corrections) progressOnStderr().step(reason);
}

/** Looks at everything at once; what can't be reached is told as unknown and not as wrong. */
export async function findDrift(state: StackState, known: Known = {}): Promise<Drift> {
  const [others, router] = await Promise.all([findOtherDrift(state), whenSeen(lookAtRouter(state, known))]);
  return withRouter(others, router);
}

/** A drift without the router's part. */
export type OtherDrift = Omit<Drift, "router">;

export async function findOtherDrift(state: StackState): Promise<OtherDrift> {
  const looks = { "the lab": labDrift(state), "the cluster": lookBehindGate(state) };
  const stop = tellSlow(looks);
  const [lab, { cluster, found, silent }] = await Promise.all([looks["the lab"], looks["the cluster"]]).finally(stop);
  return {
    corrections: [...imageDrift(state), ...lab, ...found.flatMap(({ corrections }) => corrections)],
    unknown: found.flatMap(({ unknown }) => unknown),
    cluster,
    gate: cluster ? gateDrift(cluster) : [],
    silent,
  };
}

/** What was found on the router, which is told to be waited for when that takes long. */
export const whenSeen = (router: Promise<RouterFindings>) => router.finally(tellSlow({ "the router": router }));

export const withRouter = (others: OtherDrift, router: RouterFindings): Drift => ({
  ...others,
  corrections: [...router.corrections, ...others.corrections],
  unknown: [...router.unknown, ...others.unknown],
  router,
});

/** What a look that another one need not repeat has found was repaired since. */
async function lookAtRouter(state: StackState, { settings, router }: Known): Promise<RouterFindings> {
  return router?.isSettled ? { ...router, corrections: [] } : routerDrift(state, settings);
}

const slowMs = 2000;

/** Says once, after two seconds, what is still being looked at; returns what ends that. */
export function tellSlow(
  looks: Readonly<Record<string, Promise<unknown>>>,
  progress: Progress = progressOnStderr(),
  afterMs = slowMs,
): () => void {
  const slow = new Set(Object.keys(looks));
  for (const [name, look] of Object.entries(looks)) look.then(() => slow.delete(name)).catch(() => {});
  const timer = setTimeout(() => progress.step(`compares with what is there: ${[...slow].join(", ")}`), afterMs);
  return () => clearTimeout(timer);
}

interface BehindGate extends Pick<Drift, "cluster" | "silent"> {
  found: Findings[];
}

/** Mostly the cluster is as the gate left it, so what is behind it is looked at meanwhile, and again if it isn't. */
async function lookBehindGate(state: StackState): Promise<BehindGate> {
  const before = passedBefore(state);
  const early = before && lookBehind(state, before);
  early?.catch(() => undefined);
  const cluster = await lookAtCluster(state);
  const now = {
    consulUrl: cluster?.judgement.quorum?.consulUrl,
    nomadUrl: cluster?.judgement.quorum?.nomadUrl,
    missing: cluster ? missingMachines(cluster.judgement.findings) : [],
    access: cluster?.gate.input.access,
  };
  const { found, silent } = await (early && digest(before) === digest(now) ? early : lookBehind(state, now));
  return { cluster, found: [...found, ...(cluster && !now.access ? [jobsWithoutIdentity(state)] : [])], silent };
}

/** Where the agents are, and who isn't there. */
interface Passed {
  consulUrl: string | undefined;
  nomadUrl: string | undefined;
  missing: readonly string[];
  access: Access | undefined;
}

function passedBefore(state: StackState): Passed | undefined {
  const gate = gateOf(state);
  if (!gate?.answer) return undefined;
  const { consulUrl, nomadUrl, missing = [] } = gate.answer;
  return { consulUrl, nomadUrl, missing, access: gate.input.access };
}

async function lookBehind(
  state: StackState,
  { missing, access, ...agents }: Passed,
): Promise<{ found: Findings[]; silent: string[] }> {
  const consulUrl = agents.consulUrl ?? providerAddress(state, "consul");
  const nomadUrl = agents.nomadUrl ?? providerAddress(state, "nomad");
  const [updates, ...others] = await Promise.all([
    updateDrift(state, { consulUrl, missing }, access),
    accessDrift(state, { consulUrl, nomadUrl }),
    keyDrift(state, consulUrl, access),
    jobDrift(state, nomadUrl, access),
    secretDrift(state, nomadUrl),
  ]);
  return { found: [updates, ...others], silent: updates.silent };
}

/** Where a provider's plugin talks to. */
function providerAddress(state: StackState, provider: string): string | undefined {
  const isProvider = ({ type }: StateResource) => type === `pulumi:providers:${provider}`;
  const address = state.deployment.resources?.find(isProvider)?.inputs?.address;
  return typeof address === "string" ? address : undefined;
}
