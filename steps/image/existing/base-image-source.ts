import { stat } from "node:fs/promises";
import path from "node:path";
import { hooks, type PackageArchive } from "../install/mmdebstrap.ts";
import { baseTar, installPackages } from "../install/packages-layer.ts";
import type { SystemSource } from "../install/system-source.ts";
import type { ImageBase, ManifestOf } from "../manifest/manifest.ts";
import { baseImageArguments } from "./base-image-arguments.ts";
import { baseImageBootFiles, takeBootDescriptor, takeBootHook } from "./base-image-boot.ts";
import { makeBaseLayer, readBaseSystem } from "./base-layer.ts";
import { addDevices } from "./device-nodes.ts";

/** The system of an existing image; its own apt installs what is missing. */
export function baseImageSource(manifest: ManifestOf<ImageBase>): SystemSource {
  const { base: image, architecture } = manifest;
  const root = {
    image: manifest.name,
    rootMiB: manifest.disk.rootMiB,
    remedy: "take a smaller base image, such as a Lite edition, or leave packages out",
  };
  return {
    // The image's address doesn't matter.
    baseInputs: [image.sha256, architecture],
    packagesInputs: baseImageArguments(manifest.packages),
    root,
    makeBase: (dir, context) => makeBaseLayer(image, architecture, dir, context),
    async makePackages(base, dir, context, emulation) {
      const system = await readBaseSystem(base);
      const missing = manifest.packages.filter((name) => !system.packages.includes(name));
      const installation = {
        packages: manifest.packages.length,
        root,
        room: 2 * (await stat(path.join(base, baseTar))).size,
        archive: ownArchive(manifest),
        arguments: [...hooks("setup", emulation?.hook), ...baseImageArguments(missing)],
        last: [takeBootHook(system.boot)],
        descriptors: takeBootDescriptor,
        emulation,
      };
      await installPackages(installation, base, dir, context);
      await addDevices(system.devices, dir, context.signal);
    },
    bootFiles: (system) => baseImageBootFiles(manifest.boot.commandLine, manifest.disk, system),
  };
}

/** The image has its own sources of packages. */
const ownArchive = ({ base, architecture }: ManifestOf<ImageBase>): PackageArchive => ({
  title: "the base image's own source of packages",
  cache: `image-${base.sha256.slice(0, 16)}-${architecture}`,
  suite: "",
  lines: [],
});
