import { toolGetter } from "../../toolchain/prerequisites.ts";
import { runStep } from "../run-step.ts";
import { buildImage } from "./layers/build-image.ts";
import { removeImages } from "./layers/image-files.ts";
import { imageStep } from "./manifest/contract.ts";
import { programsOf } from "./manifest/manifest.ts";
import { buildImageOn } from "./remote/remote-build.ts";

await runStep(imageStep, {
  build: (request, context) =>
    request.builder
      ? buildImageOn(request.builder, request, context)
      : buildImage(request, toolGetter(programsOf(request.manifest)), context),
  delete: removeImages,
});
