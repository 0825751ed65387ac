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
/** The packages layer's files: the root file system, and the list of all that is in it. */
export const rootImage = "root.img";
export const treeList = "tree.list";

/** How packages get into a base, which differs with its kind. */
export interface Installation extends Pick<Job, "archive" | "arguments" | "last" | "descriptors" | "emulation"> {
  /** How many packages are wanted. */
  packages: number;
  root: RootLimit;
  /** What the system takes while it is being installed, bytes. */
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
  // The namespace's root may be another user; its way to the file is the open descriptor alone, for the folder is closed.
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

/** When the files don't fit into the root partition, an error that says how much they need. */
async function faultOfSize(root: RootLimit, list: string): Promise<UserError | undefined> {
  const tree = parseTree(await readFile(list, "utf8").catch(() => ""));
  const needed = roomFor([...tree.values()].map((entry) => entry.size));
  return needed > root.rootMiB * MiB ? rootTooSmall(root, needed) : undefined;
}
