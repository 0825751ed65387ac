import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { startDeadline } from "./deadline.ts";
import { Interrupted, UserError } from "./errors.ts";
import type { Progress } from "./progress.ts";
import { proxyAgent, proxyNote } from "./proxy.ts";

/** The publisher's host gave no complete answer: the caller may have another source. */
export class Unreachable extends Error {
  override name = "Unreachable";
}

/** Short, so that an unreachable host costs little time; once an answer has started, it may pause longer. */
const answerMs = 10_000;
const pauseMs = 30_000;
const reportMs = 10_000;

const mostBytesInMemory = 1 << 20;

/** Gets a file of up to 1 MiB. Fails with Unreachable. */
export async function downloadBytes(url: string, signal?: AbortSignal): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of follow(url, "GET", mostBytesInMemory, signal)) parts.push(part);
  return Buffer.concat(parts);
}

export interface DownloadOptions {
  progress: Progress;
  signal?: AbortSignal | undefined;
  /** A larger file can't be the right one. */
  mostBytes?: number | undefined;
}

/** Gets a file and returns its SHA-256. Fails with Unreachable. */
export async function downloadFile(url: string, file: string, options: DownloadOptions): Promise<string> {
  const hash = createHash("sha256");
  const report = reporter(options.progress, new URL(url).host);
  const handle = await open(file, "w");
  try {
    for await (const part of follow(url, "GET", options.mostBytes ?? Number.POSITIVE_INFINITY, options.signal)) {
      hash.update(part);
      await handle.writeFile(part);
      report(part.byteLength);
    }
  } finally {
    await handle.close();
  }
  return hash.digest("hex");
}

/** Fails with Unreachable if the host doesn't have the file. */
export async function probe(url: string, signal?: AbortSignal): Promise<void> {
  for await (const _ of follow(url, "HEAD", 0, signal));
}

async function* follow(
  url: string,
  method: "GET" | "HEAD",
  mostBytes: number,
  outer?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { host } = new URL(url);
  const { fetch } = await import("undici");
  const dispatcher = await proxyAgent();
  const deadline = startDeadline(answerMs, outer);
  const { signal } = deadline;
  try {
    const response = await deadline.race(fetch(url, { method, signal, dispatcher }));
    if (!response.ok) throw new Unreachable(`${host} answers ${response.status} for ${url}`);
    deadline.allow(pauseMs);
    const reader = response.body?.getReader();
    for (let bytes = 0; reader; ) {
      const { value, done } = await deadline.race(reader.read());
      if (done) break;
      bytes += value.byteLength;
      if (bytes > mostBytes) throw new Unreachable(`${host} gives more than ${mostBytes} bytes for ${url}`);
      yield value;
      deadline.allow(pauseMs);
    }
  } catch (error) {
    if (outer?.reason instanceof Interrupted) throw outer.reason;
    if (outer?.aborted) throw new UserError(`The download of ${url} was interrupted`);
    if (error instanceof TypeError || signal.aborted)
      throw new Unreachable(`${host} can't be reached (${reason(error)}${proxyNote(url)})`);
    throw error;
  } finally {
    deadline.end();
    await dispatcher.destroy();
  }
}

/** fetch hides the cause ("getaddrinfo ENOTFOUND …", "other side closed") behind "fetch failed". */
function reason(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message ? cause.message : message;
}

function reporter(progress: Progress, host: string): (bytes: number) => void {
  let total = 0;
  let reported = performance.now();
  return (bytes) => {
    total += bytes;
    if (performance.now() - reported < reportMs) return;
    reported = performance.now();
    progress.step(`${Math.round(total / 1e6)} MB from ${host} so far`);
  };
}
