import { type Command, Option } from "commander";
import { refusal } from "../burn/drive.ts";
import { insertions, listDrives } from "../burn/drives.ts";
import { bytesToWrite } from "../burn/extents.ts";
import { inspectImage } from "../burn/image-file.ts";
import type { Target } from "../burn/target.ts";
import { interrupted } from "../lib/terminal.ts";
import { confirm, confirmAll } from "./burn/ask.ts";
import { burnTarget, exitCode, type Job, type Outcome, outcomeOf } from "./burn/burn-target.ts";
import { type Display, displayFor } from "./burn/display.ts";
import { findImage } from "./burn/find-image.ts";
import { findTargets } from "./burn/find-targets.ts";
import { describeNext, machinesFor } from "./burn/next-steps.ts";

interface Options {
  drive: string[];
  all?: boolean;
  yes?: boolean;
  allowLarge?: boolean;
  json?: boolean;
}

/** Bytes; anything larger is probably not a card but a disk with data. */
const largestCard = 256e9;

const exitCodes = `
Exit codes: 0 everything is written and verified, 1 something failed, 2 refused before anything was written, 130 interrupted`;

/** Writes an image to cards, or to files that virtual machines use as disks. */
export function define(command: Command): void {
  command
    .argument("[image]", "an image of the stack, built first if necessary, or a file (.img, .img.xz, .img.zst)")
    .argument("[stack]", "stack", "lab")
    .addOption(
      new Option("--drive <path>", "a drive or file to write to; repeat for several (default: ask in a terminal)")
        .argParser((value: string, before: string[]) => [...before, value])
        .default([], "none"),
    )
    .option("--all", "write every card inserted from now on, until ^C")
    .option("-y, --yes", "do not ask")
    .option("--allow-large", "allow drives larger than 256 GB")
    .option("--json", "print events as lines of JSON")
    .addHelpText("after", exitCodes)
    .action(async (image: string | undefined, stack: string, options: Options) => {
      const display = displayFor(options);
      try {
        process.exitCode = exitCode(await burnCards(image, stack, options, display));
      } catch (error) {
        const outcome = outcomeOf(error);
        process.exitCode = exitCode([outcome]);
        display.emit({ event: outcome, message: error instanceof Error ? error.message : String(error) });
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
  display.emit({ event: "image", path: image.path, bytes: image.bytes, bytesToWrite: bytesToWrite(image) });
  const targets: Target[] = all && drive.length === 0 ? [] : await findTargets(drive, image, limits);
  if (!yes) await confirm(targets);
  if (all && !yes) await confirmAll();

  const job: Job = { image, limits, display, signal: interrupted };
  // A file that exceeds a size limit makes the write fail instead of killing the process.
  process.on("SIGXFSZ", () => {});
  const running = targets.map((target) => burnTarget(target, job));
  if (all) for await (const card of insertedCards(job)) running.push(burnTarget(card, job));
  const outcomes = await Promise.all(running);
  if (outcomes.includes("written")) await showNextSteps(job);
  return outcomes;
}

/** Yields cards as they are inserted; reports those that may not be written to. */
async function* insertedCards({ image, limits, display, signal }: Job): AsyncGenerator<Target> {
  display.emit({ event: "waiting" });
  display.say("Insert a card; when it is done, insert the next one. ^C ends this.");
  for await (const drive of insertions(listDrives, signal)) {
    if (drive.isImage) continue;
    const reason = refusal(drive, image.bytes, limits);
    if (reason === undefined) yield { kind: "drive", drive };
    else display.say(`${drive.path} ${reason}. It was left unchanged.`);
  }
}

async function showNextSteps({ image, display }: Job): Promise<void> {
  const next = await machinesFor(image.path);
  if (!next) return;
  display.emit({ event: "next", ...next });
  display.say(describeNext(next));
}
