import { main } from "../../lib/program.ts";
import { getTool } from "../../toolchain/tools.ts";
import { removeImages } from "./build/output.ts";
import { buildImage } from "./build.ts";
import type { BuildRequest } from "./manifest.ts";
import { buildImageOn } from "./remote/build.ts";

await main({
  build: (input, context) => {
    const request = input as BuildRequest;
    return request.builder ? buildImageOn(request.builder, request, context) : buildImage(request, getTool, context);
  },
  delete: (input) => removeImages(input as BuildRequest),
});
