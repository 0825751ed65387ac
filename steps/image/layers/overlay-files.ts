import { stat, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { MiB } from "../../../formats/units.ts";
import { UserError } from "../../../lib/errors.ts";
import type { AccountFiles } from "../filesystem/accounts.ts";
import { FileSystemFull, type RootPartition, readFiles, runCommands } from "../filesystem/debugfs.ts";
import { type OverlayEntry, renderCommands } from "../filesystem/overlay.ts";
import { type RootLimit, roomFor, rootTooSmall } from "../filesystem/room.ts";
import { spareMiB } from "../filesystem/shrink.ts";
import type { Tree } from "../filesystem/tree.ts";
import { imageTime } from "../manifest/image-time.ts";

export async function readAccounts(partition: RootPartition, work: string, signal: AbortSignal): Promise<AccountFiles> {
  const names = ["passwd", "group", "shadow", "gshadow"].map((name) => `/etc/${name}`);
  const [passwd = "", group = "", shadow = "", gshadow = ""] = (await readFiles(partition, names, work, signal)).map(
    String,
  );
  return { passwd, group, shadow, gshadow };
}

/** A root file system to write an overlay to. */
export interface OverlayTarget {
  partition: RootPartition;
  /** Its entries before the overlay. */
  tree: Tree;
  /** `grows`: it grows to its partition's size on the machine. */
  limit: RootLimit & { grows: boolean };
}

/** @throws UserError if the files don't fit */
export async function writeOverlay(
  overlay: readonly OverlayEntry[],
  { partition, tree, limit }: OverlayTarget,
  work: string,
  signal: AbortSignal,
): Promise<void> {
  const sources = new Map<OverlayEntry, string>();
  for (const [index, entry] of overlay.entries()) {
    if (entry.type !== "file") continue;
    const name = `file-${index}`;
    const file = path.join(work, name);
    if ("text" in entry.content) await writeFile(file, entry.content.text, { mode: 0o600 });
    else await symlink(entry.content.copyOf, file);
    sources.set(entry, name);
  }
  try {
    await runCommands(partition, renderCommands(overlay, sources, imageTime), work, { write: true, signal });
  } catch (error) {
    if (!(error instanceof FileSystemFull)) throw error;
    const added = await Promise.all(
      [...sources.values()].map(async (name) => (await stat(path.join(work, name))).size),
    );
    throw noRoom(limit, roomFor([...[...tree.values()].map(({ size }) => size), ...added]));
  }
}

function noRoom(limit: OverlayTarget["limit"], needed: number): UserError {
  if (!limit.grows || needed > limit.rootMiB * MiB) return rootTooSmall(limit, needed);
  return new UserError(
    `The files of the image "${limit.image}" take more than ${spareMiB} MiB, the limit for files that no package or ` +
      "program brings. Put large files into a package, or let a job fetch them.",
  );
}
