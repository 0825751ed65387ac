import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { finished } from "node:stream/promises";
import { UserError } from "../../../lib/errors.ts";
import { cacheDir } from "../../../lib/paths.ts";
import type { Context } from "../../../lib/program.ts";

/** Details of an installation, for messages. */
export interface Installing {
  layer: string;
  /** Where the packages come from, for people. */
  source: string;
  /** The log's file name. */
  log: string;
  /** The folder that holds the system during the installation. */
  work: string;
}

/** Runs an installation, logs its output to a file that errors name, and reports its slow steps as progress. */
export async function withInstallLog(
  installing: Installing,
  context: Context,
  work: (onLine: (line: string) => void) => Promise<unknown>,
): Promise<void> {
  const file = cacheDir("logs", installing.log);
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const log = createWriteStream(file, { mode: 0o600 });
  // On a full disk the installation fails too, with a message.
  const written = finished(log).catch(() => undefined);
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
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof UserError)) throw error;
    throw explain(installing, lines, file, error);
  } finally {
    log.end();
    await written;
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

/** Explains the common errors of apt and mmdebstrap; for any other, quotes the last lines. */
function explain(installing: Installing, lines: readonly string[], log: string, cause: UserError): UserError {
  const known = unknownPackages(installing, lines) ?? knownFault(installing, lines);
  // A program that could not be started has printed nothing.
  const said = lines.length > 0 ? lines.slice(-lastLines) : cause.message.split("\n");
  const last = () => [`Installing from ${installing.source} failed:`, ...said.map(indent)].join("\n");
  return new UserError(`${known ?? last()}\nThe whole log: ${log}`, { cause });
}

const lastLines = 12;
const indent = (line: string) => `  ${line}`;

function unknownPackages({ source }: Installing, lines: readonly string[]): string | undefined {
  const names = lines.flatMap((line) => {
    const found = /^E: (?:Unable to locate package (\S+)|Package '(\S+)' has no installation candidate)/.exec(line);
    return found ? [found[1] ?? found[2]] : [];
  });
  return names.length > 0
    ? `${source} has no package ${names.join(", ")}: correct the image's list of packages.`
    : undefined;
}

/** apt's messages, each with an explanation. */
const faults: readonly [RegExp, (installing: Installing) => string][] = [
  [
    /no space left on device/i,
    ({ work }) => `The disk of ${work} or of ${cacheDir()} is full. Free about 2 GiB there and try again.`,
  ],
  [
    /is not valid yet \(invalid for another/,
    ({ source }) =>
      `The package lists of ${source} are dated in the future, so this machine's clock is slow. Set it and try again.`,
  ],
  [
    /File has unexpected size .*Mirror sync in progress|Hash Sum mismatch/,
    ({ source }) =>
      `The package lists of ${source} don't match their signed checksums: the mirror is being updated. Try again in an hour.`,
  ],
  [
    /^E: Failed to fetch .*(resolving|resolve|connect|timed out|unreachable)/,
    ({ source }) => `${source} can't be reached. Check the network, and the proxy if there is one, and try again.`,
  ],
];

function knownFault(installing: Installing, lines: readonly string[]): string | undefined {
  for (const [pattern, say] of faults) {
    // The last message has the address.
    const line = lines.findLast((one) => pattern.test(one));
    if (line !== undefined) return `${say(installing)}\n${indent(line)}`;
  }
  return undefined;
}
