import { stat } from "node:fs/promises";
import path from "node:path";
import { hooks, type PackageArchive } from "../install/mmdebstrap.ts";
import { baseTar, installPackages } from "../install/packages-layer.ts";
import type { SystemSource } from "../install/system-source.ts";
import type { ImageBase, ManifestOf } from "../manifest/manifest.ts";
import { makeBaseLayer, readBaseSystem } from "./base-layer.ts";
import { addDevices } from "./device-nodes.ts";
import { imageArguments } from "./image-arguments.ts";
import { takeBootDescriptor, takeBootHook, takenBootFiles } from "./taken-boot.ts";

/** A system that somebody else's image holds; what it lacks is installed by its own apt. */
export function imageSource(manifest: ManifestOf<ImageBase>): SystemSource {
  const { base: image, architecture } = manifest;
  const root = {
    image: manifest.name,
    rootMiB: manifest.disk.rootMiB,
    remedy: "take a smaller base image, such as a Lite edition, or leave packages out",
  };
  return {
    // Where the image comes from makes no difference.
    baseInputs: [image.sha256, architecture],
    packagesInputs: imageArguments(manifest.packages),
    root,
    makeBase: (dir, context) => makeBaseLayer(image, architecture, dir, context),
    async makePackages(base, dir, context, emulation) {
      const system = await readBaseSystem(base);
      const missing = manifest.packages.filter((name) => !system.packages.includes(name));
      const installation = {
        packages: manifest.packages.length,
        root,
        room: 2 * (await stat(path.join(base, baseTar))).size,
        archive: archiveOf(manifest),
        arguments: [...hooks("setup", emulation?.hook), ...imageArguments(missing)],
        last: [takeBootHook(system.boot)],
        descriptors: takeBootDescriptor,
        emulation,
      };
      await installPackages(installation, base, dir, context);
      await addDevices(system.devices, dir, context.signal);
    },
    bootFiles: (system) => takenBootFiles(manifest.boot.commandLine, manifest.disk, system),
  };
}

/** The image has lists of its own. */
const archiveOf = ({ base, architecture }: ManifestOf<ImageBase>): PackageArchive => ({
  title: "the base image's own source of packages",
  cache: `image-${base.sha256.slice(0, 16)}-${architecture}`,
  suite: "",
  lines: [],
});
