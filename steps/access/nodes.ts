import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import type { Progress } from "../../lib/progress.ts";
import { type Access, askAgent, plainText } from "../agents.ts";

/** Nomad's clients look for Consul every 15 seconds until they have found it. */
const patienceMs = 60_000;
const pollMs = 1000;

type AskNomad = <T>(question: (url: string) => Promise<T>) => Promise<T>;

/**
 * Waits until Nomad's clients have found Consul by rights that are new: until then, jobs that use it are placed nowhere. One that
 * takes longer is the gate's affair.
 */
export async function awaitConsulOnNodes(
  inNomad: AskNomad,
  access: Access,
  progress: Progress,
  signal?: AbortSignal,
): Promise<void> {
  const end = performance.now() + patienceMs;
  for (let told = ""; ; ) {
    const lacking = await inNomad((url) => nodesWithoutConsul(url, access, signal));
    if (lacking.length === 0 || performance.now() > end) return;
    const text = `waiting for Nomad to find Consul on ${lacking.join(", ")}`;
    if (text !== told) progress.step(text);
    told = text;
    await pause(pollMs, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
  }
}

const nodes = z.array(z.object({ ID: plainText, Name: plainText, Status: plainText }));
const node = z.object({ Attributes: z.record(z.string(), z.string()).nullable() });

async function nodesWithoutConsul(url: string, access: Access, signal?: AbortSignal): Promise<string[]> {
  const found = await askAgent("Nomad", `${url}/v1/nodes`, nodes, { access, signal });
  const ready = found.filter(({ Status }) => Status === "ready");
  const hasConsul = await Promise.all(
    ready.map(async ({ ID }) => {
      const { Attributes } = await askAgent("Nomad", `${url}/v1/node/${ID}`, node, { access, signal });
      return Attributes?.["consul.version"] !== undefined;
    }),
  );
  return ready.filter((_one, index) => !hasConsul[index]).map(({ Name }) => Name);
}
