import { z } from "zod";
import { unlessSilent } from "../../lib/http.ts";
import { interrupted } from "../../lib/terminal.ts";
import { type Access, askAgent } from "../../steps/agents.ts";

/** The index of each job's last change in one Nomad, by "NAMESPACE/ID". */
export type JobIndexes = Map<string, number>;

const schema = z.array(z.object({ ID: z.string(), Namespace: z.string(), JobModifyIndex: z.int() }));

/** Nomad's jobs; undefined if it doesn't answer in time, or the answer is invalid. */
export async function nomadIndexes(address: string, access?: Access): Promise<JobIndexes | undefined> {
  if (!URL.canParse(address)) return undefined;
  const url = new URL("/v1/jobs?namespace=*", address).href;
  const jobs = await unlessSilent(askAgent("Nomad", url, schema, { access, signal: interrupted }));
  return jobs && new Map(jobs.map(({ ID, Namespace, JobModifyIndex }) => [`${Namespace}/${ID}`, JobModifyIndex]));
}
