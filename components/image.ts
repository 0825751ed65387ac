import * as pulumi from "@pulumi/pulumi";
import type { Login } from "../lib/ssh.ts";
import { type BuiltImage, imageStep } from "../steps/image/manifest/contract.ts";
import type { Manifest } from "../steps/image/manifest/manifest.ts";
import { Step } from "./step.ts";

export interface ImageArgs {
  /** What is in the image; a change rebuilds it. */
  manifest: pulumi.Input<Manifest>;
  outputDir: string;
  /** The machine that builds it; default: this one. */
  builder?: Login | undefined;
}

/** One disk image, rebuilt when its manifest changes. */
export class Image extends pulumi.ComponentResource {
  readonly built: pulumi.Output<Pick<BuiltImage, "path" | "sha256" | "bytes">>;

  constructor(name: string, args: ImageArgs, options?: pulumi.ComponentResourceOptions) {
    super("piinit:Image", name, {}, options);
    const { manifest, outputDir, builder } = args;
    const request = pulumi.output({ manifest, outputDir, builder });
    const build = new Step(
      `image-${name}`,
      imageStep,
      { create: "build", delete: "delete", input: request },
      { parent: this },
    );
    this.built = build.answer().apply(({ path, sha256, bytes }) => ({ path, sha256, bytes }));
    this.registerOutputs();
  }
}
