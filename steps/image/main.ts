import { main } from "../../lib/program.ts";
import { toolGetter } from "../../toolchain/prerequisites.ts";
import { buildImage } from "./layers/build-image.ts";
import { removeImages } from "./layers/image-files.ts";
import { type BuildRequest, programsOf } from "./manifest/manifest.ts";
import { buildImageOn } from "./remote/remote-build.ts";

await main({
  build: (input, context) => {
    const request = input as BuildRequest;
    if (request.builder) return buildImageOn(request.builder, request, context);
    return buildImage(request, toolGetter(programsOf(request.manifest)), context);
  },
  delete: (input) => removeImages(input as BuildRequest),
});
