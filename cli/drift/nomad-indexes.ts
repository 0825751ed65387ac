import { z } from "zod";
import { askJson, unlessSilent } from "../../lib/http.ts";
import { interrupted } from "../../lib/terminal.ts";

/** The index of each job's last change in one Nomad, by "NAMESPACE/ID". */
export type JobIndexes = Map<string, number>;

const schema = z.array(z.object({ ID: z.string(), Namespace: z.string(), JobModifyIndex: z.int() }));

/** A running cluster answers at once; users shouldn't wait for one that isn't running. */
const timeoutMs = 5000;

/** Nomad's jobs; undefined if it doesn't answer in time, or the answer is invalid. */
export async function nomadIndexes(address: string): Promise<JobIndexes | undefined> {
  if (!URL.canParse(address)) return undefined;
  const url = new URL("/v1/jobs?namespace=*", address).href;
  const jobs = await unlessSilent(askJson({ who: "Nomad", url, schema, timeoutMs, signal: interrupted }));
  return jobs && new Map(jobs.map(({ ID, Namespace, JobModifyIndex }) => [`${Namespace}/${ID}`, JobModifyIndex]));
}
