import { mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { renderBlockMap } from "../../../formats/bmap.ts";
import { runOnHost } from "../../../lib/host.ts";
import type { Context } from "../../../lib/program.ts";
import { surveyDisk } from "../disk/survey.ts";
import type { RootPartition } from "../filesystem/debugfs.ts";
import { planOverlay } from "../filesystem/overlay.ts";
import { parseTree } from "../filesystem/tree.ts";
import { checkSpace } from "../install/free-space.ts";
import { treeList } from "../install/packages-layer.ts";
import type { SystemSource } from "../install/system-source.ts";
import { diskGeometry } from "../manifest/geometry.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { type Contents, imageContents } from "./contents.ts";
import { publish, unfinishedName } from "./image-files.ts";
import { readAccounts, writeOverlay } from "./overlay-files.ts";
import { diskImage, readSystemContents } from "./programs-layer.ts";
import { allocatedBytes, copySparse } from "./sparse-files.ts";

/** Makes the image from the programs layer and publishes it once it is complete. */
export async function makeImage(
  manifest: Manifest,
  source: SystemSource,
  programs: string,
  image: string,
  context: Context,
): Promise<Contents> {
  const { signal } = context;
  // The folder holds secrets during the build.
  const work = path.join(path.dirname(image), `${unfinishedName(image)}.tmp`);
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { mode: 0o700 });
  try {
    const partition = await makeImageDisk(manifest, source, programs, work, context);
    const [survey] = await Promise.all([surveyDisk(partition.disk, signal), checkFileSystem(partition, signal)]);
    const contents = imageContents(manifest, await readSystemContents(programs), survey);
    await publish(partition.disk, image, contents, renderBlockMap(survey.map));
    return contents;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Copies the programs layer's disk and adds the manifest's users, directories, files and links. */
async function makeImageDisk(
  { name, users, directories, files, links, disk: layout }: Manifest,
  source: SystemSource,
  programs: string,
  work: string,
  { progress, signal }: Context,
): Promise<RootPartition> {
  const below = { disk: path.join(programs, diskImage), offset: diskGeometry(layout).root.offset };
  const partition = { ...below, disk: path.join(work, diskImage) };
  await checkSpace(work, (await allocatedBytes(below.disk)) * 1.1, "the image");
  const tree = parseTree(await readFile(path.join(programs, treeList), "utf8"));
  const accounts = await readAccounts(below, work, signal);
  const overlay = planOverlay(name, { users, directories, files, links }, tree, accounts);
  progress.step(`image: writing ${overlay.length} files; next: its checksum`);
  await copySparse(below.disk, partition.disk, signal);
  await writeOverlay(overlay, { partition, tree, limit: { ...source.root, grows: layout.grows } }, work, signal);
  return partition;
}

/** @throws UserError if the file system has errors that e2fsck would repair on the machine */
async function checkFileSystem({ disk, offset }: RootPartition, signal: AbortSignal): Promise<void> {
  const folder = path.dirname(disk);
  await runOnHost("e2fsck", ["-f", "-n", `${path.basename(disk)}?offset=${offset}`], { cwd: folder, signal });
}
