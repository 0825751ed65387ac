import { z } from "zod";
import { defineContract } from "../../contract.ts";
import { layers, manifestSchema } from "./manifest.ts";

/** How to reach the machine that builds. */
const login = z.strictObject({
  host: z.string(),
  port: z.int().optional(),
  user: z.string().optional(),
  hostKey: z.string().optional(),
  keyFile: z.string().optional(),
});

const buildRequest = z.strictObject({
  manifest: manifestSchema,
  /** The folder for NAME-DIGEST.img and NAME-DIGEST.contents.json. */
  outputDir: z.string(),
  /** The Linux machine that builds the image; this one if missing. */
  builder: login.optional(),
});

const builtImage = z.object({
  /** Absolute path of the raw disk image, mode 0600. */
  path: z.string(),
  sha256: z.string(),
  /** Size with holes. */
  bytes: z.int(),
  seconds: z.number(),
  /** The layers that came from the cache. */
  reused: z.array(z.enum(layers)).readonly(),
});

/** Builds images, here or on another machine. */
export const imageStep = defineContract({
  program: "image",
  verbs: {
    build: { input: buildRequest, answer: builtImage },
    delete: { input: buildRequest },
  },
});

/** What the builder reads. */
export type BuildRequest = z.output<typeof buildRequest>;

/** What the builder prints, and `./piinit build --json` too. */
export type BuiltImage = z.output<typeof builtImage>;
