import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { Interrupted, UserError } from "../lib/errors.ts";
import type { Progress } from "../lib/progress.ts";

/** The publisher's host gave no whole answer: there may be another way to the same thing. */
export class Unreachable extends Error {
  override name = "Unreachable";
}

/** Short, so that an unreachable host costs little; an answer that has begun may pause longer. */
const answerMs = 10_000;
const pauseMs = 30_000;
const reportMs = 10_000;

/** Gets a small text. Fails with Unreachable. */
export async function downloadText(url: string, signal?: AbortSignal): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of follow(url, "GET", signal)) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

/** Gets a file and returns its SHA-256. Fails with Unreachable. */
export async function downloadFile(
  url: string,
  file: string,
  options: { progress: Progress; signal?: AbortSignal | undefined },
): Promise<string> {
  const hash = createHash("sha256");
  const report = reporter(options.progress, new URL(url).host);
  const handle = await open(file, "w");
  try {
    for await (const part of follow(url, "GET", options.signal)) {
      hash.update(part);
      await handle.writeFile(part);
      report(part.byteLength);
    }
  } finally {
    await handle.close();
  }
  return hash.digest("hex");
}

/** Fails with Unreachable where the host doesn't have what the address names. */
export async function probe(url: string, signal?: AbortSignal): Promise<void> {
  for await (const _ of follow(url, "HEAD", signal));
}

async function* follow(url: string, method: "GET" | "HEAD", signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const patience = makePatience();
  try {
    patience.allow(answerMs);
    const response = await fetch(url, {
      method,
      signal: signal ? AbortSignal.any([signal, patience.signal]) : patience.signal,
    });
    if (!response.ok) throw new Unreachable(`${new URL(url).host} answers ${response.status} for ${url}`);
    patience.allow(pauseMs);
    for await (const part of response.body ?? []) {
      yield part;
      patience.allow(pauseMs);
    }
  } catch (error) {
    if (signal?.reason instanceof Interrupted) throw signal.reason;
    if (signal?.aborted) throw new UserError(`The download of ${url} was interrupted`);
    if (error instanceof TypeError || patience.signal.aborted) {
      throw new Unreachable(`${new URL(url).host} can't be reached (${reason(error)})`);
    }
    throw error;
  } finally {
    patience.end();
  }
}

/** An abort signal that fires when the allowed time passes without being allowed anew. */
function makePatience() {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  return {
    signal: controller.signal,
    allow(ms: number) {
      clearTimeout(timer);
      timer = setTimeout(() => controller.abort(new Error(`silent for ${ms / 1000} s`)), ms);
    },
    end: () => clearTimeout(timer),
  };
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
