import { type BurnContext, burn, type Phase } from "../../burn/burn.ts";
import type { Limits } from "../../burn/drive.ts";
import { claimDrive, eject } from "../../burn/drive-access.ts";
import { bytesToWrite } from "../../burn/extents.ts";
import { Refused } from "../../burn/failure.ts";
import type { ImageFile } from "../../burn/image-file.ts";
import { pathOf, type Target } from "../../burn/target.ts";
import { duration, progressOf } from "../../burn/transfer-progress.ts";
import { describeError, Interrupted } from "../../lib/errors.ts";
import type { Display } from "./display.ts";

/** How burning a target ended. */
export type Outcome = "written" | "failed" | "refused" | "interrupted";

export interface Job {
  image: ImageFile;
  limits: Limits;
  display: Display;
  signal: AbortSignal;
}

/** Burns one target, from the last check to ejecting it. Never fails, because one bad card must not stop the others. */
export async function burnTarget(target: Target, job: Job): Promise<Outcome> {
  const { image, limits, display, signal } = job;
  const name = pathOf(target);
  const start = performance.now();
  try {
    if (target.kind === "drive") await claimDrive(target.drive, image.bytes, limits);
    const { report, began } = reporter(name, job);
    const bytes = await burn(image, target, { signal, report });
    if (target.kind === "drive") await eject(target.drive);
    const verified = performance.now();
    const writingSeconds = secondsBetween(start, began.get("verifying") ?? verified);
    const verifyingSeconds = secondsBetween(began.get("verifying") ?? verified, verified);
    display.emit({ event: "written", target: name, bytes, writingSeconds, verifyingSeconds });
    const rest = target.kind === "drive" ? " You can remove it." : "";
    display.finish(
      name,
      `${name}: written in ${duration(writingSeconds)}, verified in ${duration(verifyingSeconds)}.${rest}`,
    );
    return "written";
  } catch (error) {
    const outcome = outcomeOf(error);
    const message = outcome === "interrupted" ? interrupted(name) : describeError(error);
    display.emit({ event: outcome, target: name, message });
    display.finish(name, `${name} ${outcome}: ${message}`);
    return outcome;
  }
}

const interrupted = (target: string) => `${target} is incomplete and won't boot until it is burned again.`;

export function outcomeOf(error: unknown): Outcome {
  if (error instanceof Interrupted) return "interrupted";
  return error instanceof Refused ? "refused" : "failed";
}

const pauseMs = 250;

/** Passes on the beginning and end of each phase, and up to four updates per second in between. */
function reporter(
  target: string,
  { image, display }: Job,
): Pick<BurnContext, "report"> & { began: Map<Phase, number> } {
  const total = bytesToWrite(image);
  const began = new Map<Phase, number>();
  let shown = 0;
  return {
    began,
    report(phase, done) {
      const now = performance.now();
      const isEdge = !began.has(phase) || done === total;
      if (!began.has(phase)) began.set(phase, now);
      if (!isEdge && now - shown < pauseMs) return;
      shown = now;
      display.progress(target, phase, progressOf(done, total, secondsBetween(began.get(phase) ?? now, now)));
    },
  };
}

const secondsBetween = (start: number, end: number) => Math.round(end - start) / 1000;

/** The exit code for the worst of the outcomes. */
export function exitCode(outcomes: readonly Outcome[]): number {
  if (outcomes.includes("failed")) return 1;
  if (outcomes.includes("interrupted")) return 130;
  return outcomes.includes("refused") ? 2 : 0;
}
