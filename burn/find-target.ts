import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { type Drive, type Limits, refusal, size } from "./drive.ts";
import { notAllowed, Refused } from "./errors.ts";
import type { ImageFile } from "./image-file.ts";

/** What a person named as the place to write to, found. */
export type Found = { kind: "drive"; drive: Drive } | { kind: "file"; path: string; bytes: number };

export const pathOf = (found: Found): string => (found.kind === "drive" ? found.drive.path : found.path);

/** @throws Refused when there is no such thing, or nothing that an image can be written to */
export async function findTarget(given: string, drives: readonly Drive[]): Promise<Found> {
  const file = await realpath(given).catch(() => undefined);
  if (file === undefined) return newFile(path.resolve(given));
  const found = await stat(file);
  if (found.isFile()) return { kind: "file", path: file, bytes: found.size };
  const drive = drives.find((one) => one.path === file || one.writePath === file);
  if (drive) return { kind: "drive", drive };
  const whole = drives.find(({ parts }) => parts.includes(file));
  if (whole) throw new Refused(`${given} is a part of ${whole.path}: name the whole drive.`);
  if (found.isDirectory()) throw new Refused(`${given} is a folder: name a drive or a file.`);
  throw new Refused(`${given} is no drive that is known here, and no plain file.`);
}

async function newFile(file: string): Promise<Found> {
  const folder = await stat(path.dirname(file)).catch(() => undefined);
  if (!folder?.isDirectory() || file.startsWith("/dev/")) throw new Refused(`There is no ${file}.`);
  return { kind: "file", path: file, bytes: 0 };
}

/** Why the image may not be written there, as a whole sentence; undefined when it may. */
export async function targetRefusal(found: Found, image: ImageFile, limits: Limits): Promise<string | undefined> {
  if (found.kind === "drive") {
    const reason = refusal(found.drive, image.bytes, limits);
    if (reason) return `${found.drive.path} ${reason}.`;
    return (await isWritable(found.drive.writePath)) ? undefined : notAllowed(found.drive.writePath);
  }
  if (found.path === (await realpath(image.path))) return `${found.path} is the image itself.`;
  if (found.bytes > 0 && image.bytes !== undefined && found.bytes < image.bytes) {
    return `${found.path} has ${size(found.bytes)}, but the image needs ${size(image.bytes)}.`;
  }
  if (found.bytes > 0 && !(await isWritable(found.path))) return notAllowed(found.path);
  return undefined;
}

const isWritable = (file: string): Promise<boolean> =>
  access(file, constants.W_OK).then(
    () => true,
    () => false,
  );
