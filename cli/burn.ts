import { type Command, Option } from "commander";
import { refusal } from "../burn/drive.ts";
import { insertions, listDrives } from "../burn/drives.ts";
import { inspectImage } from "../burn/image-file.ts";
import { bytesToWrite } from "../burn/stretches.ts";
import type { Target } from "../burn/target.ts";
import { interrupted } from "../lib/terminal.ts";
import { confirm, confirmAll } from "./burn/ask.ts";
import { type Display, displayFor } from "./burn/display.ts";
import { findImage } from "./burn/image.ts";
import { describeNext, machinesFor } from "./burn/next.ts";
import { burnTarget, exitCode, type Job, type Outcome, outcomeOf } from "./burn/run.ts";
import { findTargets } from "./burn/targets.ts";

interface Options {
  drive: string[];
  all?: boolean;
  yes?: boolean;
  allowLarge?: boolean;
  json?: boolean;
}

/** Bytes: what is larger is taken for a disk with somebody's data. */
const largestCard = 256e9;

const exitCodes = `
Exit codes: 0 all is written and verified, 1 something failed, 2 refused before anything was written, 130 interrupted`;

/** Writes an image to cards, or to files that virtual machines have as their disks. */
export function define(command: Command): void {
  command
    .argument(
      "[image]",
      "an image of the stack, which is built first if it has to be, or a file (.img, .img.xz, .img.zst)",
    )
    .argument("[stack]", "stack", "lab")
    .addOption(
      new Option("--drive <path>", "a drive or a file to write to, once for each (chosen from a list on a terminal)")
        .argParser((value: string, before: string[]) => [...before, value])
        .default([], "none"),
    )
    .option("--all", "write every card that is put in from now on, until ^C")
    .option("-y, --yes", "do not ask")
    .option("--allow-large", "write to drives of more than 256 GB too")
    .option("--json", "print events as lines of JSON")
    .addHelpText("after", exitCodes)
    .action(async (image: string | undefined, stack: string, options: Options) => {
      const display = displayFor(options);
      try {
        process.exitCode = exitCode(await burnCards(image, stack, options, display));
      } catch (error) {
        const outcome = outcomeOf(error);
        process.exitCode = exitCode([outcome]);
        display.tell({ event: outcome, message: error instanceof Error ? error.message : String(error) });
        throw error;
      }
    });
}

async function burnCards(
  named: string | undefined,
  stack: string,
  { drive, all = false, yes = false, allowLarge = false }: Options,
  display: Display,
): Promise<Outcome[]> {
  const image = await inspectImage(await findImage(named, stack));
  const limits = { maxBytes: allowLarge ? Number.POSITIVE_INFINITY : largestCard };
  display.tell({ event: "image", path: image.path, bytes: image.bytes, bytesToWrite: bytesToWrite(image) });
  const targets: Target[] = all && drive.length === 0 ? [] : await findTargets(drive, image, limits);
  if (!yes) await confirm(targets);
  if (all && !yes) await confirmAll();

  const job: Job = { image, limits, display, signal: interrupted };
  // Where a file may not become that large, the write is to fail, not the process to be killed.
  process.on("SIGXFSZ", () => {});
  const running = targets.map((target) => burnTarget(target, job));
  if (all) for await (const card of insertedCards(job)) running.push(burnTarget(card, job));
  const outcomes = await Promise.all(running);
  if (outcomes.includes("written")) await sayNext(job);
  return outcomes;
}

/** Cards as they come, but for those that may not be written to: each of them is told. */
async function* insertedCards({ image, limits, display, signal }: Job): AsyncGenerator<Target> {
  display.tell({ event: "waiting" });
  display.say("Put in a card, and the next one when it is done. ^C ends this.");
  for await (const drive of insertions(listDrives, signal)) {
    if (drive.isImage) continue;
    const reason = refusal(drive, image.bytes, limits);
    if (reason === undefined) yield { kind: "drive", drive };
    else display.say(`${drive.path} ${reason}. It is left alone.`);
  }
}

async function sayNext({ image, display }: Job): Promise<void> {
  const next = await machinesFor(image.path);
  if (!next) return;
  display.tell({ event: "next", ...next });
  display.say(describeNext(next));
}
