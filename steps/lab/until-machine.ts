import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../lib/errors.ts";
import type { Context } from "../../lib/program.ts";
import { fileOf } from "./folder.ts";
import { processOf } from "./machine-processes.ts";
import { lastLines } from "./power.ts";

const pauseMs = 1000;
const reportMs = 10_000;

interface Waiting {
  dir: string;
  name: string;
  seconds: number;
}

/**
 * Polls until nothing is missing: `check` returns what still is, such as "Consul has no leader".
 * Fails with the machine's last console lines when time is up or the machine has lost power.
 */
export async function untilMachine(
  { dir, name, seconds }: Waiting,
  { progress, signal }: Context,
  check: () => Promise<string | undefined>,
): Promise<void> {
  const start = performance.now();
  let reported = start;
  for (;;) {
    const missing = await check();
    if (missing === undefined) return;
    signal.throwIfAborted();
    const console = await lastLines(fileOf(dir, name, "console"), 5);
    if ((await processOf(dir, name)) === undefined) throw gaveUp(`${name} has lost power`, console);
    if (performance.now() - start > seconds * 1000) throw gaveUp(`${name}: ${missing} after ${seconds} s`, console);
    if (performance.now() - reported > reportMs) {
      reported = performance.now();
      progress.step(`${name}: ${missing}${console.length > 0 ? `; its console: ${console.at(-1)}` : ""}`);
    }
    await sleep(pauseMs);
  }
}

function gaveUp(reason: string, console: string[]): UserError {
  return new UserError([`${reason}. Its console ends with:`, ...console.map((line) => `  ${line}`)].join("\n"));
}
