import { debianSource } from "../debian/debian-source.ts";
import { baseImageSource } from "../existing/base-image-source.ts";
import type { SystemSource } from "../install/system-source.ts";
import type { DebianBase, ImageBase, Manifest, ManifestOf } from "../manifest/manifest.ts";

/** The source for the kind of base that the manifest has. */
export function chooseSource(manifest: Manifest): SystemSource {
  if ("image" in manifest.base) return baseImageSource(manifest as ManifestOf<ImageBase>);
  return debianSource(manifest as ManifestOf<DebianBase>);
}
