import path from "node:path";
import { type Drive, type Limits, refusal } from "../../burn/drive.ts";
import { listDrives } from "../../burn/drives.ts";
import { NotAllowed, Refused } from "../../burn/failure.ts";
import type { ImageFile } from "../../burn/image-file.ts";
import { findTarget, pathOf, type Target, targetRefusal } from "../../burn/target.ts";
import { quoteCommand } from "../../lib/shell.ts";
import { chooseDrives } from "./ask.ts";

/**
 * The named targets, or else those that the user chooses from a list.
 * @throws Refused with the reason for each that may not be written to
 */
export async function findTargets(named: readonly string[], image: ImageFile, limits: Limits): Promise<Target[]> {
  const drives = await listDrives();
  const found: Target[] =
    named.length > 0
      ? await Promise.all(named.map((one) => findTarget(path.resolve(process.env.INIT_CWD ?? "", one), drives)))
      : (await chooseDrives(writableDrives(drives, image.bytes, limits))).map((drive) => ({ kind: "drive", drive }));
  const reasons = await Promise.all(found.map((target) => targetRefusal(target, image, limits)));
  const messages = reasons.flatMap((reason) => reason?.message ?? []);
  if (messages.length === 0) return [...new Map(found.map((target) => [pathOf(target), target])).values()];
  throw new Refused([...messages, ...sudoHint(found, reasons, image.path)].join("\n"));
}

/** The drives to choose from. @throws Refused with the reason for each drive if there are none */
function writableDrives(drives: readonly Drive[], imageBytes: number | undefined, limits: Limits): Drive[] {
  const fit = drives.filter((drive) => drive.isRemovable && refusal(drive, imageBytes, limits) === undefined);
  if (fit.length > 0) return fit;
  const others = drives.filter(({ isImage }) => !isImage);
  const reasons = others.map((drive) => `  ${drive.path} ${refusal(drive, imageBytes, limits)}.`);
  throw new Refused(["There is no card to write to. Insert one and try again.", ...reasons].join("\n"));
}

/** The command to run as root. It names the image's file, because a stack can't be opened with sudo. */
function sudoHint(found: readonly Target[], reasons: readonly (Refused | undefined)[], image: string): string[] {
  const drives = found.flatMap((target, index) =>
    target.kind === "drive" && reasons[index] instanceof NotAllowed ? [target.drive.path] : [],
  );
  if (drives.length === 0) return [];
  const command = quoteCommand("./piinit", ["burn", image, ...drives.flatMap((drive) => ["--drive", drive])]);
  return [`Run this: sudo env "PATH=$PATH" ${command}`];
}
