import * as pulumi from "@pulumi/pulumi";
import type { Login } from "../lib/ssh.ts";
import type { BuildRequest, BuiltImage, Manifest } from "../steps/image/manifest/manifest.ts";
import { Step } from "./step.ts";

export interface ImageArgs {
  /** What is in the image; a change of it builds the image anew. */
  manifest: pulumi.Input<Manifest>;
  outputDir: string;
  /** The machine that builds it; this one when there is none. */
  builder?: Login | undefined;
}

/** One disk image, built when its manifest changes. */
export class Image extends pulumi.ComponentResource {
  readonly built: pulumi.Output<Pick<BuiltImage, "path" | "sha256" | "bytes">>;

  constructor(name: string, args: ImageArgs, options?: pulumi.ComponentResourceOptions) {
    super("piinit:Image", name, {}, options);
    const request = pulumi.output({
      manifest: args.manifest,
      outputDir: args.outputDir,
      builder: args.builder,
    }) satisfies pulumi.Output<BuildRequest>;
    const build = new Step(
      `image-${name}`,
      { program: "image", create: "build", delete: "delete", input: request },
      { parent: this },
    );
    this.built = build.answer<BuiltImage>().apply(({ path, sha256, bytes }) => ({ path, sha256, bytes }));
    this.registerOutputs();
  }
}
