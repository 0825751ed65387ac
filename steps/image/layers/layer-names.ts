import { digest } from "../../../lib/json.ts";
import { initScript } from "../boot/initrd.ts";
import { hook } from "../bundle/hook.ts";
import { features, finishScript } from "../install/root-file-system.ts";
import type { SystemSource } from "../install/system-source.ts";
import { imageTime } from "../manifest/image-time.ts";
import type { Layer, Manifest } from "../manifest/manifest.ts";
import { chooseSource } from "./choose-source.ts";

/** Raise this when a change of the code changes layers whose inputs are equal. */
const version = 3;

export type LayerNames = Readonly<Record<Layer, string>>;

/** Each layer's name: its kind and the digest of its inputs. */
export function layerNames(manifest: Manifest, source: SystemSource = chooseSource(manifest)): LayerNames {
  const base = baseDigest(source);
  const { rootMiB } = manifest.disk;
  const packages = digest([base, source.packagesInputs, rootMiB, finishScript, features, imageTime]);
  const programs = digest([packages, manifest.disk, manifest.programs, manifest.boot, initScript]);
  const image = digest([programs, manifest, ...(manifest.disk.slots ? [hook] : [])]);
  return {
    base: layerName("base", base),
    packages: layerName("packages", packages),
    programs: layerName("programs", programs),
    image: layerName(manifest.name, image),
  };
}

export const baseLayerName = (source: SystemSource): string => layerName("base", baseDigest(source));

const baseDigest = (source: SystemSource): string => digest([version, ...source.baseInputs]);

const layerName = (what: string, inputs: string): string => `${what}-${inputs.slice(0, 16)}`;
