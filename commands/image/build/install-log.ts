import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { UserError } from "../../../lib/errors.ts";
import { cacheDir } from "../../../lib/paths.ts";
import type { Context } from "../../../lib/program.ts";

/** What is told of an installation besides the lines that it prints. */
export interface Installing {
  layer: string;
  /** Where the packages come from, in words. */
  source: string;
  /** The log's file name. */
  log: string;
  /** The folder where the system is meanwhile. */
  work: string;
}

/** Runs the work with its output in a file that an error names, and shows the steps that take long. */
export async function logged(
  installing: Installing,
  context: Context,
  work: (onLine: (line: string) => void) => Promise<unknown>,
): Promise<void> {
  const file = cacheDir("logs", installing.log);
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const log = createWriteStream(file, { mode: 0o600 });
  const lines: string[] = [];
  let shown = "";
  try {
    await work((line) => {
      log.write(`${line}\n`);
      lines.push(line);
      const step = stepOf(line);
      if (step && step !== shown) context.progress.step(`${installing.layer}: ${step}`);
      shown = step ?? shown;
    });
  } catch {
    context.signal.throwIfAborted();
    throw explain(installing, lines, file);
  } finally {
    log.end();
  }
}

const steps: readonly [RegExp, string][] = [
  [/^I: running apt-get update/, "fetching the lists of packages"],
  [/^(I: downloading packages|Need to get [1-9])/, "fetching packages"],
  [/^I: extracting archives/, "unpacking the essential packages"],
  [/^I: installing (essential|remaining) packages/, "setting up packages"],
  [/^Unpacking /, "unpacking packages"],
  [/^Setting up linux-image/, "setting up the kernel"],
  [/^I: creating tarball/, "writing the tar"],
];

function stepOf(line: string): string | undefined {
  return steps.find(([pattern]) => pattern.test(line))?.[1];
}

/** The user's own words for what apt and mmdebstrap complain about most. */
function explain({ source, work }: Installing, lines: readonly string[], log: string): UserError {
  const unknown = lines.flatMap((line) => {
    const found = /^E: (?:Unable to locate package (\S+)|Package '(\S+)' has no installation candidate)/.exec(line);
    return found ? [found[1] ?? found[2]] : [];
  });
  const what =
    unknown.length > 0
      ? `${source} has no package ${unknown.join(", ")}: correct the image's list of packages.`
      : lines.some((line) => /no space left on device/i.test(line))
        ? `The disk of ${work} or of ${cacheDir()} is full: about 2 GiB are needed there.`
        : [`Installing from ${source} failed:`, ...lines.slice(-lastLines).map((line) => `  ${line}`)].join("\n");
  return new UserError(`${what}\nThe whole log: ${log}`);
}

const lastLines = 12;
