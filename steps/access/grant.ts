import { z } from "zod";
import { askBytes } from "../../lib/http.ts";
import type { Progress } from "../../lib/progress.ts";
import { type Access, askAgent, credentials } from "../agents.ts";
import { Servers } from "../servers.ts";
import { ConsulAcl, isAsWanted } from "./consul-acl.ts";
import type { WantedAccess } from "./contract.ts";
import { awaitConsulOnNodes } from "./nodes.ts";
import {
  authMethod,
  authMethodName,
  bindingRules,
  machinePolicies,
  ourTokens,
  policiesFor,
  taskPolicy,
  taskRole,
  tokensFor,
} from "./objects.ts";
import { keepVotes } from "./quorum.ts";

const pollMs = 1000;

/**
 * Makes the rights and tokens that images and jobs rely on, removes the tokens of earlier secrets, and lets servers keep their
 * votes. Waits for leaders; what is as it must be isn't written again.
 * @throws UserError if no server answers in time
 */
export async function grantAccess(
  wanted: WantedAccess,
  progress: Progress,
  signal?: AbortSignal,
): Promise<{ written: number }> {
  const times = { poll: pollMs, silence: wanted.deadlineSeconds * 1000 };
  const consul = new Servers("Consul", wanted.consul, times);
  const nomad = new Servers("Nomad", wanted.nomad, times);
  const inConsul = (work: (acl: ConsulAcl) => Promise<void>) =>
    consul.ask((url) => countWrites(url, wanted, signal, work), progress, signal);
  const inNomad = <T>(work: (url: string) => Promise<T>) => nomad.ask(work, progress, signal);
  const hasNomad = wanted.nomad.length > 0;

  const asker = { access: wanted.access, signal };

  let written = await inConsul((acl) => grantTokens(acl, wanted));
  written += await consul.ask((url) => keepVotes("Consul", url, wanted.consul.length, asker), progress, signal);
  if (hasNomad) {
    // Only a Nomad that has a leader tells Consul its keys.
    await inNomad((url) => askAgent("Nomad", `${url}/v1/acl/token/self`, nomadToken, asker));
    written += await inNomad((url) => keepVotes("Nomad", url, wanted.nomad.length, asker));
    written += await inConsul((acl) => grantIdentities(acl, wanted));
  }
  written += await inConsul((acl) => removeOld(acl, wanted));
  if (hasNomad) written += await inNomad((url) => removeBootstraps(url, wanted.access, signal));
  if (hasNomad && written > 0) await awaitConsulOnNodes(inNomad, wanted.access, progress, signal);
  progress.step(written === 0 ? "access is as it must be" : `access: ${written} written`);
  return { written };
}

/**
 * How many of them are missing or otherwise, or too many, on servers that answer now. Writes nothing. Fails with a NoAnswer.
 * @param nomadUrl missing: Nomad isn't asked
 */
export async function lackingAccess(
  wanted: WantedAccess,
  { consulUrl, nomadUrl }: { consulUrl: string; nomadUrl?: string | undefined },
  signal?: AbortSignal,
): Promise<number> {
  const acl = new ConsulAcl(consulUrl, wanted.access, { signal, onlyLooks: true });
  const looking = { access: wanted.access, signal, onlyLooks: true };
  const [bootstraps, consulVotes, nomadVotes] = await Promise.all([
    nomadUrl === undefined ? [] : oldBootstraps(nomadUrl, wanted.access, signal),
    keepVotes("Consul", consulUrl, wanted.consul.length, looking),
    nomadUrl === undefined ? 0 : keepVotes("Nomad", nomadUrl, wanted.nomad.length, looking),
    grantTokens(acl, wanted),
    wanted.nomad.length > 0 && grantIdentities(acl, wanted),
    removeOld(acl, wanted),
  ]);
  return acl.written + bootstraps.length + consulVotes + nomadVotes;
}

async function countWrites(
  url: string,
  { access }: WantedAccess,
  signal: AbortSignal | undefined,
  work: (acl: ConsulAcl) => Promise<void>,
): Promise<number> {
  const acl = new ConsulAcl(url, access, { signal });
  await work(acl);
  return acl.written;
}

const nomadToken = z.object({ SecretID: z.string() });

async function grantTokens(acl: ConsulAcl, wanted: WantedAccess): Promise<void> {
  await Promise.all([...policiesFor(wanted), taskPolicy].map((policy) => putNamed(acl, "policy", policy)));
  await Promise.all(
    tokensFor(wanted).map((token) => acl.put(token, `token/${token.AccessorID}`, "token", () => token.AccessorID)),
  );
}

const putNamed = (acl: ConsulAcl, kind: "policy" | "role", wanted: { Name: string }) =>
  acl.put(wanted, `${kind}/name/${wanted.Name}`, kind, ({ ID }) => String(ID));

/** Consul asks Nomad for its keys when the method is written. */
async function grantIdentities(acl: ConsulAcl, wanted: WantedAccess): Promise<void> {
  await putNamed(acl, "role", taskRole);
  await acl.put(authMethod(wanted), `auth-method/${authMethodName}`, "auth-method", () => authMethodName);
  await putBindingRules(acl);
}

const rulesAnswer = z.array(z.looseObject({ ID: z.string() }));

/** Rules have no names: each that isn't one of ours goes. */
async function putBindingRules(acl: ConsulAcl): Promise<void> {
  const found = (await acl.find(`binding-rules?authmethod=${authMethodName}`, rulesAnswer)) ?? [];
  const missing = bindingRules.filter((rule) => !found.some((one) => isAsWanted(rule, one)));
  const others = found.filter((one) => !bindingRules.some((rule) => isAsWanted(rule, one)));
  for (const rule of missing) await acl.create("binding-rule", rule);
  for (const { ID } of others) await acl.remove(`binding-rule/${ID}`);
}

const policies = z.array(z.object({ ID: z.string(), Name: z.string() }));
const consulTokens = z.array(z.object({ AccessorID: z.string(), SecretID: z.string(), Description: z.string() }));

/** Removes what earlier secrets and images have made. */
async function removeOld(acl: ConsulAcl, wanted: WantedAccess): Promise<void> {
  const found = (await acl.find("tokens", consulTokens)) ?? [];
  const current = new Set([wanted.access.consul, ...tokensFor(wanted).map(({ SecretID }) => SecretID)]);
  const isOurs = (text: string) => text.startsWith(ourTokens) || text === "Initial Management Token";
  const old = found.filter(({ Description, SecretID }) => isOurs(Description) && !current.has(SecretID));
  for (const { AccessorID } of old) await acl.remove(`token/${AccessorID}`);
  const kept = policiesFor(wanted).map(({ Name }) => Name);
  for (const { ID, Name } of (await acl.find("policies", policies)) ?? [])
    if (Name.startsWith(machinePolicies) && !kept.includes(Name)) await acl.remove(`policy/${ID}`);
}

const nomadTokens = z.array(z.object({ AccessorID: z.string(), Name: z.string() }));

/**
 * The accessors of what servers with earlier secrets have made themselves managers with. Two that came at the same time may have
 * the stack's own secret: without one of them, Nomad wouldn't know the other.
 */
async function oldBootstraps(url: string, access: Access, signal?: AbortSignal): Promise<string[]> {
  const found = await askAgent("Nomad", `${url}/v1/acl/tokens`, nomadTokens, { access, signal });
  const bootstraps = found.filter(({ Name }) => Name === "Bootstrap Token").map(({ AccessorID }) => AccessorID);
  const secretOf = async (accessor: string) =>
    (await askAgent("Nomad", `${url}/v1/acl/token/${accessor}`, nomadToken, { access, signal })).SecretID;
  const secrets = await Promise.all(bootstraps.map(secretOf));
  return bootstraps.filter((_accessor, index) => secrets[index] !== access.nomad);
}

/** Removes them; returns how many. */
async function removeBootstraps(url: string, access: Access, signal?: AbortSignal): Promise<number> {
  const old = await oldBootstraps(url, access, signal);
  for (const accessor of old) {
    const gone = `${url}/v1/acl/token/${accessor}`;
    const asker = credentials("Nomad", gone, { access, signal });
    await askBytes({ who: "Nomad", url: gone, method: "DELETE", timeoutMs: 5000, mostBytes: 1024, ...asker });
  }
  return old.length;
}
