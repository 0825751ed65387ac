import { z } from "zod";
import { UserError } from "../../lib/errors.ts";
import { askBytes, askJson, NoAnswer } from "../../lib/http.ts";
import type { Progress } from "../../lib/progress.ts";
import { credentials } from "../agents.ts";
import { Servers } from "../servers.ts";
import type { JobSecrets } from "./contract.ts";

const times = { poll: 1000, silence: 90_000 };
const timeoutMs = 10_000;
const mostBytes = 1 << 20;

/** Writes the job's variable, which Nomad shows to the job's own tasks alone. @throws UserError if no server answers for long, or Nomad refuses them, such as for their size */
export async function keepSecrets(job: JobSecrets, progress: Progress, signal?: AbortSignal): Promise<void> {
  const body = Buffer.from(JSON.stringify({ Path: pathOf(job), Items: job.items }));
  await send(job, { method: "PUT", body }, progress, signal);
}

/** Removes it; it may be gone already. @throws UserError if no server answers for long */
export async function dropSecrets(job: JobSecrets, progress: Progress, signal?: AbortSignal): Promise<void> {
  await send(job, { method: "DELETE" }, progress, signal);
}

const variable = z.object({ Items: z.record(z.string(), z.string()) });

/** The items of the job's variable as Nomad has them; undefined if there is none. Fails with a NoAnswer. */
export async function readSecrets(
  job: JobSecrets,
  server: string,
  signal?: AbortSignal,
): Promise<Record<string, string> | undefined> {
  try {
    return (await askJson({ ...requestOf(job, server, signal), schema: variable })).Items;
  } catch (error) {
    if (error instanceof NoAnswer && error.status === 404) return undefined;
    throw error;
  }
}

async function send(
  job: JobSecrets,
  what: { method: string; body?: Buffer },
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<void> {
  const ask = (server: string) =>
    askBytes({ ...requestOf(job, server, signal), ...what, mostBytes }).catch((error: unknown) => {
      if (!(error instanceof NoAnswer) || error.status !== 400) throw error;
      throw new UserError(`Nomad refuses the secrets of the job ${job.job}: ${error.message}`);
    });
  await new Servers("Nomad", job.servers, times).ask(ask, progress, signal);
}

/** The path is Nomad's own for what belongs to a job. */
const pathOf = ({ job }: JobSecrets) => `nomad/jobs/${job}`;

function requestOf(job: JobSecrets, server: string, signal: AbortSignal | undefined) {
  const path = pathOf(job).split("/").map(encodeURIComponent).join("/");
  const url = `${server}/v1/var/${path}?namespace=${encodeURIComponent(job.namespace)}`;
  return { who: "Nomad", url, timeoutMs, ...credentials("Nomad", url, { access: job.access, signal }) };
}
