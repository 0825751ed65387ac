import { askBytes } from "../../lib/http.ts";
import type { Progress } from "../../lib/progress.ts";
import { credentials } from "../agents.ts";
import { Servers } from "../servers.ts";
import type { JobSecrets } from "./contract.ts";

const times = { poll: 1000, silence: 90_000 };
const timeoutMs = 10_000;
const mostBytes = 1 << 20;

/** Writes the job's variable, which Nomad shows to the job's own tasks alone. @throws UserError if no server answers for long */
export async function keepSecrets(job: JobSecrets, progress: Progress, signal?: AbortSignal): Promise<void> {
  await send(job, "PUT", progress, signal);
}

/** Removes it; it may be gone already. @throws UserError if no server answers for long */
export async function dropSecrets(job: JobSecrets, progress: Progress, signal?: AbortSignal): Promise<void> {
  await send(job, "DELETE", progress, signal);
}

async function send(
  { servers, access, job, namespace, items }: JobSecrets,
  method: "PUT" | "DELETE",
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<void> {
  // The path is Nomad's own for what belongs to a job.
  const path = `nomad/jobs/${job}`;
  const body = method === "PUT" ? Buffer.from(JSON.stringify({ Path: path, Items: items })) : undefined;
  const ask = (server: string) => {
    const url = `${server}/v1/var/${path.split("/").map(encodeURIComponent).join("/")}?namespace=${encodeURIComponent(namespace)}`;
    const asker = credentials("Nomad", url, { access, signal });
    return askBytes({ who: "Nomad", url, timeoutMs, mostBytes, method, body, ...asker });
  };
  await new Servers("Nomad", servers, times).ask(ask, progress, signal);
}
