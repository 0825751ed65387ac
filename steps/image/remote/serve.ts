import { readFile } from "node:fs/promises";
import { blockMapFileOf } from "../../../formats/bmap.ts";
import { inUnfinishedFolder } from "../../../lib/files.ts";
import { withLock } from "../../../lib/lock.ts";
import { cacheDir } from "../../../lib/paths.ts";
import { main } from "../../../lib/program.ts";
import { toolGetter } from "../../../toolchain/prerequisites.ts";
import { checkInput } from "../../contract.ts";
import { buildImage } from "../layers/build-image.ts";
import type { FetchProgram } from "../layers/cached-layers.ts";
import { readContents } from "../layers/image-files.ts";
import { type Manifest, manifestSchema, programsOf } from "../manifest/manifest.ts";
import { readWithHeartbeat } from "./heartbeat.ts";
import { sendImage } from "./transfer.ts";

/** The builder's end of a build over SSH; it is sent there as one file. */
await main(
  {
    serve: (input, context) => {
      const manifest = checkInput("image", manifestSchema, input);
      // The image contains the cluster's secrets, so it is removed once it has been sent or sending has failed.
      return inUnfinishedFolder(cacheDir("outgoing"), async (outputDir) => {
        const built = await buildImage({ manifest, outputDir }, getOnce(manifest), context);
        const contents = await readContents(built.path);
        if (!contents) throw new Error(`${built.path} was built but can't be read back`);
        const blockMap = await readFile(blockMapFileOf(built.path), "utf8");
        await sendImage(built, contents, blockMap, process.stdout, context);
      });
    },
  },
  readWithHeartbeat,
);

/** Images that are built side by side don't get the same program twice. */
function getOnce(manifest: Manifest): FetchProgram {
  const get = toolGetter(programsOf(manifest));
  return (name, options) => withLock(`${name}-${options.architecture}`, options, () => get(name, options));
}
