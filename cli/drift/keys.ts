import { z } from "zod";
import { NoAnswer } from "../../lib/http.ts";
import { interrupted } from "../../lib/terminal.ts";
import { type Access, askAgent } from "../../steps/agents.ts";
import type { StackState, StateResource } from "../stack/state.ts";
import { plainValue } from "../stack/steps.ts";
import type { Correction, Findings } from "./correction.ts";

/** No key has this as its value. */
const notWritten = "piinit: not written";

/** Connections at a time. */
const atOnce = 32;

interface Key {
  path: string;
  value: string;
}

/** Finds keys that are gone, have another value, or whose write failed; without `consulUrl`, only the last. */
export async function keyDrift(state: StackState, consulUrl: string | undefined, access?: Access): Promise<Findings> {
  const resources = (state.deployment.resources ?? []).filter(({ type }) => type === "consul:index/keys:Keys");
  const found: Findings = { corrections: [], unknown: [] };
  if (resources.length > 0 && !consulUrl) found.unknown.push("the keys could not be checked: no Consul server answers");
  for (let next = 0; next < resources.length; next += atOnce) {
    const some = resources.slice(next, next + atOnce);
    const results = await Promise.all(some.map((resource) => resourceDrift(resource, consulUrl, access)));
    for (const result of results) {
      if (typeof result === "string") found.unknown.push(result);
      else found.corrections.push(...result);
    }
  }
  return found;
}

/** A text says why the resource's keys could not be checked. */
async function resourceDrift(
  resource: StateResource,
  url: string | undefined,
  access: Access | undefined,
): Promise<Correction[] | string> {
  const keys = plainValue(resource.inputs?.keys);
  if (!Array.isArray(keys)) return [];
  // After a failed write the plugins consider the new value written.
  if (resource.initErrors?.length) return [correction(resource, keys, "may not have been written")];
  if (!url) return [];
  for (const { path, value } of keys as Key[]) {
    try {
      const now = await readValue(url, path, access);
      if (now !== value) return [correction(resource, keys, now === undefined ? "is gone" : "has another value")];
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      return `the key ${path} could not be checked: ${error.message}`;
    }
  }
  return [];
}

function correction({ urn }: StateResource, keys: Key[], fault: string): Correction {
  const outputs = { keys: keys.map((key) => ({ ...key, value: notWritten })) };
  return { urn, reason: `the key ${keys.map(({ path }) => path).join(", ")} ${fault}: up writes it again`, outputs };
}

const answer = z.array(z.object({ Value: z.base64().nullable() })).length(1);

async function readValue(consulUrl: string, path: string, access: Access | undefined): Promise<string | undefined> {
  const url = `${consulUrl}/v1/kv/${path.split("/").map(encodeURIComponent).join("/")}`;
  try {
    const [entry] = await askAgent("Consul", url, answer, { access, signal: interrupted });
    return Buffer.from(entry?.Value ?? "", "base64").toString();
  } catch (error) {
    if (error instanceof NoAnswer && error.status === 404) return undefined;
    throw error;
  }
}
