import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { unzipSync } from "fflate";
import { downloadFile, downloadText } from "../lib/download.ts";
import { UserError } from "../lib/errors.ts";
import type { Progress } from "../lib/progress.ts";
import { run } from "../lib/run.ts";
import type { Platform, Tool } from "./versions.ts";

/** The publisher's release is intact, but not for the required processor. */
export class Unsuitable extends Error {
  override name = "Unsuitable";
}

/** Several times the size of the largest archive. */
const mostArchiveBytes = 2 ** 30;

export interface ReleaseOptions {
  /** In place of the publisher's own. */
  baseUrl?: string | undefined;
  progress: Progress;
  signal?: AbortSignal | undefined;
}

/**
 * Unpacks the publisher's release into a folder after verifying its SHA-256 sum.
 * Fails with Unreachable if it can't be downloaded, with Unsuitable if it doesn't run there, and with a UserError if
 * the sum isn't the one that the publisher lists.
 */
export async function unpackRelease(
  tool: Tool,
  platform: Platform,
  folder: string,
  { baseUrl = tool.release.baseUrl, progress, signal }: ReleaseOptions,
): Promise<void> {
  const sumsUrl = `${baseUrl}/${tool.release.sums(tool.version)}`;
  const archiveUrl = `${baseUrl}/${tool.release.archive(tool.version, platform)}`;
  const archiveName = path.posix.basename(archiveUrl);
  const archive = path.join(folder, archiveName);

  const listed = listedSum(await downloadText(sumsUrl, signal), archiveName);
  if (!listed) throw new UserError(noSumMessage(sumsUrl, archiveName));
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
