import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../lib/errors.ts";
import type { Context } from "../../lib/program.ts";
import type { UpdateStatus } from "../update-messages.ts";

const pollMs = 2000;
/** A machine that hangs in a trial starts its old system after 15 minutes. */
const silentMs = 20 * 60_000;
/** Consul tells it at once. */
const startMs = 3 * 60_000;

interface Following {
  name: string;
  attempt: string;
  /** What it is to run. */
  image: string;
  status(): Promise<UpdateStatus | undefined>;
}

/**
 * Shows how far a machine is with an update, until it runs it.
 * @throws UserError with the machine's own words if it has kept its old image, or says nothing for long
 */
export async function follow(
  { name, attempt, image, status }: Following,
  { progress, signal }: Context,
): Promise<void> {
  let told = "";
  let last = performance.now();
  for (;;) {
    const now = await status();
    const isOurs = now?.attempt === attempt;
    if (isOurs && now.state === "running" && now.image === image) return;
    if (isOurs && now.state === "failed") throw new UserError(`${name} keeps its old image: ${now.text}.`);
    const text = isOurs ? [now.state, now.text].filter(Boolean).join(": ") : "told of its update";
    if (text !== told) {
      progress.step(`${name}: ${text}`);
      last = performance.now();
    }
    told = text;
    if (performance.now() - last > (isOurs ? silentMs : startMs)) throw silence(name, text);
    await sleep(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

const silence = (name: string, text: string): UserError =>
  new UserError(
    `${name} says nothing more of its update; the last was "${text}". See whether it runs: ./piinit status. Then run up again.`,
  );
