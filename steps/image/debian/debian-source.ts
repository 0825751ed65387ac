import { MiB } from "../../../formats/units.ts";
import type { Context } from "../../../lib/program.ts";
import { kernelBootFiles } from "../boot/boot-files.ts";
import type { Emulation } from "../foreign/emulation.ts";
import { checkSpace } from "../install/free-space.ts";
import { hooks, mmdebstrap, type PackageArchive, temporaryFolder } from "../install/mmdebstrap.ts";
import { baseTar, installPackages } from "../install/packages-layer.ts";
import type { SystemSource } from "../install/system-source.ts";
import type { DebianBase, ManifestOf } from "../manifest/manifest.ts";
import { baseArguments, packagesArguments, sourceLines } from "./debian-arguments.ts";

/** A system made of Debian's packages. */
export function debianSource(manifest: ManifestOf<DebianBase>): SystemSource {
  const root = { image: manifest.name, rootMiB: manifest.disk.rootMiB, remedy: "leave some out" };
  return {
    baseInputs: [manifest.base, baseArguments(manifest)],
    packagesInputs: packagesArguments(manifest),
    root,
    makeBase: (dir, context, emulation) => makeBase(manifest, dir, context, emulation),
    makePackages: (base, dir, context, emulation) => {
      const native = emulation?.native?.scripts;
      const installation = {
        packages: manifest.packages.length,
        root,
        room: 1500 * MiB,
        archive: debianArchive(manifest),
        arguments: [
          ...hooks("setup", emulation?.hook),
          ...packagesArguments(manifest, {
            afterUnpacking: hooks("setup", native?.add),
            afterUpgrade: hooks("customize", native?.bind),
          }),
        ],
        last: hooks("customize", native?.remove),
        descriptors: "",
        emulation,
      };
      return installPackages(installation, base, dir, context);
    },
    bootFiles: (system) => kernelBootFiles(manifest, system),
    forHost: (host) =>
      debianSource({ ...manifest, architecture: host, base: { ...manifest.base, components: [], backports: [] } }),
  };
}

/** Makes the base layer: a minimal Debian of the suite, as a tar. */
async function makeBase(
  manifest: ManifestOf<DebianBase>,
  dir: string,
  context: Context,
  emulation: Emulation | undefined,
): Promise<void> {
  const { suite, distribution } = manifest.base;
  const native = emulation?.native?.scripts;
  context.progress.step(`base: installing ${distribution} ${suite} for ${manifest.architecture}; next: packages`);
  await checkSpace(temporaryFolder(), 700 * MiB, "a base system being installed");
  const job = {
    layer: "base",
    archive: debianArchive(manifest),
    arguments: [
      ...baseArguments(manifest),
      ...hooks("setup", emulation?.hook),
      ...hooks("extract", native?.add),
      ...hooks("extract", native?.bindWhenUnpacked),
      ...hooks("essential", native?.bind),
    ],
    last: hooks("customize", native?.remove),
    target: baseTar,
    descriptors: "",
    env: {},
    emulation,
  };
  await mmdebstrap(job, dir, context);
}

function debianArchive({ base, architecture }: ManifestOf<DebianBase>): PackageArchive {
  return {
    title: `${base.distribution} ${base.suite} (${architecture})`,
    cache: `${base.suite}-${architecture}`,
    suite: base.suite,
    lines: sourceLines(base),
  };
}
