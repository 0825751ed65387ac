import { z } from "zod";
import { boardNames } from "../../steps/image/boards/catalogue.ts";
import { bootSettings } from "../../steps/image/plan/boot-settings.ts";
import type { ImagePlan } from "../../steps/image/plan/plan.ts";
import { withoutEffect } from "../../steps/image/plan/without-effect.ts";
import { rolesSchema } from "../../steps/image/roles/catalogue.ts";

const extraFile = z
  .strictObject({
    path: z
      .string()
      .regex(/^(\/[\w@%+=:,.~-]+)+$/, "must be an absolute path of letters, digits and @%+=:,.~_- only")
      .refine((path) => !/\/\.\.?(\/|$)/.test(path), 'must not have "." or ".." in it')
      .refine((path) => withoutEffect(path) === undefined, { error: ({ input }) => withoutEffect(String(input)) })
      .meta({ description: "Its path in the image.", example: "/etc/motd" }),
    text: z
      .string()
      .optional()
      .meta({ description: "What is in it; either this or `source`.", example: "One of three.\n", secret: "possible" }),
    source: z
      .string()
      .optional()
      .meta({ description: "A UTF-8 file to copy, relative to the project.", example: "files/motd" }),
    mode: z
      .string()
      .regex(/^[0-7]{3,4}$/, 'must be a mode in quotes such as "0644"')
      .default("0644")
      .meta({ description: "Its permissions, in quotes.", example: "0600" }),
    owner: z
      .string()
      .regex(/^[a-z_][a-z0-9_-]*$/, "must be the name of a user of the image")
      .default("root")
      .meta({ description: "The user who owns it.", example: "consul" }),
  })
  .refine(({ text, source }) => (text === undefined) !== (source === undefined), {
    error: "must have either text or source",
  });

/** A suite of Debian, or an existing image with its sum. */
const base = z
  .strictObject({
    distribution: z
      .literal("debian", "must be debian")
      .optional()
      .meta({ description: "The distribution; there is no other.", example: "debian" }),
    suite: z
      .string()
      .regex(/^[a-z]+$/, "must be a suite of Debian such as trixie")
      .optional()
      .meta({ description: "A suite of Debian; `trixie` unless this or `image` is given.", example: "trixie" }),
    snapshot: z
      .string()
      .regex(
        /^https?:\/\/[^\s"']+\/ARCHIVE\/\d{8}T\d{6}Z$/,
        "must be the address of an archive of snapshots with a day and time, such as https://…/ARCHIVE/20260801T000000Z",
      )
      .optional()
      .meta({
        description: "An archive of snapshots at one moment, so that packages are the same in every build.",
        example: "https://snapshots.example/ARCHIVE/20260801T000000Z",
      }),
    image: z
      .string()
      .regex(/\.img(\.xz|\.zst)?$/, "must be a file or an address that ends in .img, .img.xz or .img.zst")
      .optional()
      .meta({
        description: "An existing image instead of Debian's packages: an address, or a file relative to the project.",
        example: "downloads/raspios-lite.img.xz",
      }),
    sha256: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, "must be the sum of the image's file, 64 hex digits")
      .toLowerCase()
      .optional()
      .meta({ description: "The SHA-256 sum of that image's file.", example: "0123456789abcdef".repeat(4) }),
  })
  .refine(({ image, sha256 }) => (image === undefined) === (sha256 === undefined), {
    error: "must have image and sha256, the sum of its file, together",
  })
  .refine(({ image, suite, snapshot }) => image === undefined || (suite ?? snapshot) === undefined, {
    error: "must be either an existing image or a suite of Debian",
  })
  .transform(
    ({ image, sha256, suite = "trixie", snapshot }): NonNullable<ImagePlan["base"]> =>
      image !== undefined && sha256 !== undefined ? { image, sha256 } : { suite, snapshot },
  )
  .prefault({})
  .meta({ description: "What the image is made from ([hardware.md](hardware.md#what-an-image-is-made-from))." });

export const image = z
  .strictObject({
    board: z
      .enum(boardNames)
      .meta({ description: "The kind of machine ([hardware.md](hardware.md#boards)).", example: "pi4" }),
    base,
    roles: rolesSchema.meta({ description: "What the machines do ([roles.md](roles.md))." }),
    packages: z
      .array(z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, "must be the name of a Debian package"))
      .default([])
      .meta({ description: "Debian packages beside those of the roles.", example: ["htop"] }),
    files: z.array(extraFile).default([]).meta({ description: "Files beside those of the roles." }),
    boot: bootSettings.meta({ description: "How the machine boots." }),
    readOnlyRoot: z
      .boolean()
      .default(false)
      .meta({ description: "Never write to the system's part of the card: changes are lost at the next boot." }),
    keepData: z.boolean().default(false).meta({ description: "Keep the data that an earlier image left on the card." }),
  })
  .meta({ description: "An image, by its name." });
