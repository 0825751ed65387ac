import { chmod, readFile, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { MiB } from "../../../formats/units.ts";
import type { UserError } from "../../../lib/errors.ts";
import type { Context } from "../../../lib/program.ts";
import { quote } from "../../../lib/shell.ts";
import { type RootLimit, roomFor, rootTooSmall } from "../filesystem/room.ts";
import { parseTree } from "../filesystem/tree.ts";
import { checkSpace } from "./free-space.ts";
import { type Job, mmdebstrap, temporaryFolder } from "./mmdebstrap.ts";
import { finishHook } from "./root-file-system.ts";

/** The base layer's file. */
export const baseTar = "base.tar";
/** The packages layer's files: the root file system, and the list of its files. */
export const rootImage = "root.img";
export const treeList = "tree.list";

/** How to install packages into a base, which depends on the kind of base. */
export interface Installation extends Pick<Job, "archive" | "arguments" | "last" | "descriptors" | "emulation"> {
  /** The number of packages that the manifest names. */
  packages: number;
  root: RootLimit;
  /** Bytes that the system needs while it is being installed. */
  room: number;
}

/** Unpacks the base layer's tar, installs packages into it, and makes a file system of it. */
export async function installPackages(
  { packages, root, room, ...job }: Installation,
  base: string,
  dir: string,
  context: Context,
): Promise<void> {
  context.progress.step(`packages: installing ${packages} packages; next: the image`);
  await checkSpace(temporaryFolder(), room, "a system being installed");
  const bytes = root.rootMiB * MiB;
  const image = path.join(dir, rootImage);
  await writeFile(image, "", { mode: 0o600 });
  await truncate(image, bytes);
  // The namespace's root may be another user. Only the open descriptor gives it access: the folder is private.
  await chmod(image, 0o666);
  const finish = finishHook(bytes);
  const installation = {
    ...job,
    layer: "packages",
    last: [...job.last, finish.argument],
    target: "/dev/null",
    descriptors: `3<>${rootImage} 4>${treeList} 5<${quote(path.join(base, baseTar))} ${job.descriptors}`,
    env: finish.env,
  };
  try {
    await mmdebstrap(installation, dir, context);
  } catch (error) {
    throw (await faultOfSize(root, path.join(dir, treeList))) ?? error;
  }
  await chmod(image, 0o600);
}

/** The error if the files don't fit into the root partition, with the size that they need. */
async function faultOfSize(root: RootLimit, list: string): Promise<UserError | undefined> {
  const tree = parseTree(await readFile(list, "utf8").catch(() => ""));
  const needed = roomFor([...tree.values()].map((entry) => entry.size));
  return needed > root.rootMiB * MiB ? rootTooSmall(root, needed) : undefined;
}
