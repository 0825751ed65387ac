import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { type Drive, type Limits, refusal, size } from "./drive.ts";
import { NotAllowed, Refused } from "./failure.ts";
import type { ImageFile } from "./image-file.ts";

/** Where an image is written to. A file of 0 bytes doesn't exist yet, or grows to the image's size. */
export type Target = { kind: "drive"; drive: Drive } | { kind: "file"; path: string; bytes: number };

/** Its path, for people. */
export const pathOf = (target: Target): string => (target.kind === "drive" ? target.drive.path : target.path);

/** The path to open for writing. */
export const writePathOf = (target: Target): string => (target.kind === "drive" ? target.drive.writePath : target.path);

/** @throws Refused if it doesn't exist or an image can't be written to it */
export async function findTarget(given: string, drives: readonly Drive[]): Promise<Target> {
  const file = await realpath(given).catch(() => undefined);
  if (file === undefined) return newFile(path.resolve(given));
  const found = await stat(file);
  if (found.isFile()) return { kind: "file", path: file, bytes: found.size };
  const drive = drives.find((one) => one.path === file || one.writePath === file);
  if (drive) return { kind: "drive", drive };
  const whole = drives.find(({ parts }) => parts.includes(file));
  if (whole) throw new Refused(`${given} is part of ${whole.path}: name the whole drive.`);
  if (found.isDirectory()) throw new Refused(`${given} is a folder: name a drive or a file.`);
  throw new Refused(`${given} is neither a known drive nor a plain file.`);
}

async function newFile(file: string): Promise<Target> {
  const folder = await stat(path.dirname(file)).catch(() => undefined);
  if (!folder?.isDirectory() || file.startsWith("/dev/")) throw new Refused(`There is no ${file}.`);
  return { kind: "file", path: file, bytes: 0 };
}

/** Why the image may not be written there; undefined if it may. */
export async function targetRefusal(target: Target, image: ImageFile, limits: Limits): Promise<Refused | undefined> {
  const path = writePathOf(target);
  if (target.kind === "drive") {
    const reason = refusal(target.drive, image.bytes, limits);
    if (reason) return new Refused(`${target.drive.path} ${reason}.`);
    return (await isWritable(path)) ? undefined : new NotAllowed(path);
  }
  if (path === (await realpath(image.path))) return new Refused(`${path} is the image itself.`);
  if (target.bytes === 0) return undefined;
  if (image.bytes !== undefined && target.bytes < image.bytes) {
    return new Refused(`${path} has ${size(target.bytes)}, but the image needs ${size(image.bytes)}.`);
  }
  return (await isWritable(path)) ? undefined : new NotAllowed(path);
}

const isWritable = (file: string): Promise<boolean> =>
  access(file, constants.W_OK).then(
    () => true,
    () => false,
  );
