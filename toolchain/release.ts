import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { unzipSync } from "fflate";
import { downloadBytes, downloadFile } from "../lib/download.ts";
import { UserError } from "../lib/errors.ts";
import type { Progress } from "../lib/progress.ts";
import { run } from "../lib/run.ts";
import type { Publisher } from "./publishers/publisher.ts";
import { checkSignature } from "./publishers/signature.ts";
import type { Platform, Tool } from "./versions.ts";

/** The publisher's release is intact, but not for the required processor. */
export class Unsuitable extends Error {
  override name = "Unsuitable";
}

/** Several times the size of the largest archive. */
const mostArchiveBytes = 2 ** 30;

export interface ReleaseOptions {
  /** In place of the tool's own. */
  publisher?: Publisher | undefined;
  progress: Progress;
  signal?: AbortSignal | undefined;
}

/** Who publishes the tool's releases. */
export const publisherOf = ({ release }: Tool, { publisher }: Pick<ReleaseOptions, "publisher">): Publisher =>
  publisher ?? release.publisher;

/**
 * Unpacks the publisher's release into a folder after verifying its SHA-256 sum, and the signature of the list that has it.
 * Fails with Unreachable if it can't be downloaded, with Unsuitable if it doesn't run there, and with a UserError if
 * the sum isn't the one that the publisher lists, or the list isn't the publisher's.
 */
export async function unpackRelease(
  tool: Tool,
  platform: Platform,
  folder: string,
  options: ReleaseOptions,
): Promise<void> {
  const { progress, signal } = options;
  const publisher = publisherOf(tool, options);
  const sumsUrl = `${publisher.baseUrl}/${tool.release.sums(tool.version)}`;
  const archiveUrl = `${publisher.baseUrl}/${tool.release.archive(tool.version, platform)}`;
  const archiveName = path.posix.basename(archiveUrl);
  const archive = path.join(folder, archiveName);

  const listed = listedSum(await downloadList(sumsUrl, publisher, signal), archiveName);
  if (!listed) throw new UserError(noSumMessage(sumsUrl, archiveName));
  const known = publisher.sums[archiveName];
  if (known && known !== listed) throw new UserError(changedSumMessage(sumsUrl, archiveName, listed, known));
  progress.step(`${tool.name} ${tool.version}: downloading from ${new URL(archiveUrl).host}`);
  try {
    const sum = await downloadFile(archiveUrl, archive, { progress, signal, mostBytes: mostArchiveBytes });
    if (sum !== listed) throw new UserError(wrongSumMessage(archiveUrl, sum, sumsUrl, listed));
    await unpack(archive, folder, tool, signal);
  } finally {
    await rm(archive, { force: true });
  }
  if (platform.architecture === "armel") await checkRunsOnArmv6(path.join(folder, tool.name), archiveName);
}

/** The list of a version's sums, after its signature was checked if the publisher has a key. */
async function downloadList(url: string, { key }: Publisher, signal?: AbortSignal): Promise<string> {
  const content = await downloadBytes(url, signal);
  if (key) await checkSignature({ url, content, signature: await downloadBytes(`${url}.sig`, signal) }, key);
  return content.toString();
}

/**
 * One archive serves all of 32-bit ARM, and from Go 1.21 on Go builds it for ARMv7 unless told otherwise: such a
 * program ends on a Pi Zero with "Illegal instruction". Every Go program says in plain text what it was built for.
 */
async function checkRunsOnArmv6(program: string, archiveName: string): Promise<void> {
  const content = await readFile(program);
  const setting = "build\tGOARM=";
  const found = content.indexOf(setting);
  const version =
    found < 0 ? undefined : Number(content.toString("latin1", found + setting.length, found + setting.length + 1));
  if (version === 5 || version === 6) return;
  await rm(program);
  const what = version === undefined ? "an unknown kind of ARM" : `ARMv${version}`;
  throw new Unsuitable(`the publisher's ${archiveName} is for ${what}, not for ARMv6`);
}

/** The sum of a file in a list as sha256sum writes it ("SUM  NAME"), or undefined. */
export function listedSum(sums: string, name: string): string | undefined {
  for (const line of sums.split("\n")) {
    const [, sum, listedName] = /^([0-9a-f]{64})[ \t]+\*?(?:\.\/)?(\S+)\s*$/i.exec(line) ?? [];
    if (listedName === name) return sum?.toLowerCase();
  }
  return undefined;
}

function noSumMessage(sumsUrl: string, archiveName: string): string {
  return [
    `The list of sums at ${sumsUrl} doesn't name ${archiveName}, so the file can't be checked and isn't used.`,
    "Is there a sign-in page or a filter between you and the publisher? Open the address in a browser to see.",
  ].join("\n");
}

function changedSumMessage(sumsUrl: string, archiveName: string, listed: string, known: string): string {
  return [
    `${archiveName} has become another file since piinit pinned its version, so it isn't used.`,
    `  SHA-256 in the publisher's list: ${listed} (${sumsUrl})`,
    `  SHA-256 that piinit knows: ${known}`,
    "A publisher doesn't change what was published: ask there before you use it.",
  ].join("\n");
}

function wrongSumMessage(archiveUrl: string, sum: string, sumsUrl: string, listed: string): string {
  return [
    `${archiveUrl} isn't what its publisher lists, and was thrown away.`,
    `  SHA-256 of the file: ${sum}`,
    `  SHA-256 in the list: ${listed} (${sumsUrl})`,
    "Try again in a while; if it stays so, the file was changed on its way: try another network, and tell the publisher.",
  ].join("\n");
}

async function unpack(archive: string, folder: string, tool: Tool, signal?: AbortSignal): Promise<void> {
  if (archive.endsWith(".zip")) return unzipProgram(archive, path.join(folder, tool.name), tool.name);
  // Pulumi's archive has all its programs in one folder.
  await run("tar", ["-xzf", archive, "-C", folder, "--strip-components=1", "--no-same-owner"], {
    hint: "The archive is the publisher's own; is the disk full, or is `tar` or `gzip` missing?",
    ...(signal && { signal }),
  });
}

async function unzipProgram(archive: string, program: string, name: string): Promise<void> {
  const files = unzipSync(await readFile(archive), { filter: (file) => file.name === name });
  const content = files[name];
  if (!content) throw new UserError(`${archive} holds no program called "${name}"`);
  await writeFile(program, content);
  await chmod(program, 0o755);
}
