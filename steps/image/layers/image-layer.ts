import { mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { renderBlockMap } from "../../../formats/bmap.ts";
import { runOnHost } from "../../../lib/host.ts";
import type { Context } from "../../../lib/program.ts";
import { imageId } from "../../image-names.ts";
import { makeBundle } from "../bundle/bundle.ts";
import { surveyDisk } from "../disk/survey.ts";
import type { RootPartition } from "../filesystem/debugfs.ts";
import { planOverlay } from "../filesystem/overlay.ts";
import { parseTree } from "../filesystem/tree.ts";
import { checkSpace } from "../install/free-space.ts";
import { treeList } from "../install/packages-layer.ts";
import type { SystemSource } from "../install/system-source.ts";
import { diskGeometry } from "../manifest/geometry.ts";
import type { Manifest, TextFile } from "../manifest/manifest.ts";
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
    const partition = await makeImageDisk(manifest, source, programs, { work, id: imageId(image) }, context);
    const [survey, bundle] = await Promise.all([
      surveyDisk(partition.disk, signal),
      bundleOf(manifest, partition, image, signal),
      checkFileSystem(partition, signal),
    ]);
    const contents = imageContents(manifest, await readSystemContents(programs), survey);
    await publish(partition.disk, image, { contents, blockMap: renderBlockMap(survey.map), bundle });
    return contents;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const hasUpdate = ({ disk, signer }: Manifest): boolean => disk.slots !== undefined && signer !== undefined;

/** Undefined for an image whose machines can't be updated over the network. */
async function bundleOf(
  manifest: Manifest,
  root: RootPartition,
  image: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { name, board, signer } = manifest;
  if (!signer || !hasUpdate(manifest)) return undefined;
  return makeBundle({ image: { name, board }, id: imageId(image), signer, root }, path.dirname(root.disk), signal);
}

/** Copies the programs layer's disk and adds the manifest's users, directories, files and links. */
async function makeImageDisk(
  manifest: Manifest,
  source: SystemSource,
  programs: string,
  { work, id }: { work: string; id: string },
  { progress, signal }: Context,
): Promise<RootPartition> {
  const { name, users, directories, files, links, disk: layout } = manifest;
  const below = { disk: path.join(programs, diskImage), offset: diskGeometry(layout).root.offset };
  const partition = { ...below, disk: path.join(work, diskImage) };
  await checkSpace(work, (await allocatedBytes(below.disk)) * (hasUpdate(manifest) ? 2.5 : 1.1), "the image");
  const tree = parseTree(await readFile(path.join(programs, treeList), "utf8"));
  const accounts = await readAccounts(below, work, signal);
  const overlay = planOverlay(
    name,
    { users, directories, files: layout.slots ? [...files, idFile(id)] : files, links },
    tree,
    accounts,
  );
  progress.step(`image: writing ${overlay.length} files; next: its checksum`);
  await copySparse(below.disk, partition.disk, signal);
  await writeOverlay(overlay, { partition, tree, limit: { ...source.root, grows: layout.grows } }, work, signal);
  return partition;
}

/** In an image whose machines may come to have another one: which one it is. */
const idFile = (id: string): TextFile => ({
  path: "/etc/piinit-image",
  mode: "0644",
  owner: "root",
  text: `${id}\n`,
});

/** @throws UserError if the file system has errors that e2fsck would repair on the machine */
async function checkFileSystem({ disk, offset }: RootPartition, signal: AbortSignal): Promise<void> {
  const folder = path.dirname(disk);
  await runOnHost("e2fsck", ["-f", "-n", `${path.basename(disk)}?offset=${offset}`], { cwd: folder, signal });
}
