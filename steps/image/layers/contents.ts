import { createHash } from "node:crypto";
import type { InstalledPackage } from "../../../formats/dpkg-status.ts";
import type { Manifest } from "../manifest/manifest.ts";

/** What stands beside the disk of the programs layer: the list of contents needs it. */
export interface SystemContents {
  packages: InstalledPackage[];
  programs: { name: string; version: string; path: string; sha256: string }[];
}

/** What stands beside an image: what is in it. No text of any file, for some hold secrets. */
export interface Contents extends SystemContents {
  name: string;
  board: string;
  architecture: string;
  base: Manifest["base"];
  sha256: string;
  bytes: number;
  /** The digest of those that everybody on the machine may read. */
  files: { path: string; mode: string; owner: string; sha256?: string }[];
  links: Manifest["links"];
}

export function imageContents(
  manifest: Manifest,
  system: SystemContents,
  { sha256, bytes }: { sha256: string; bytes: number },
): Contents {
  return {
    name: manifest.name,
    board: manifest.board,
    architecture: manifest.architecture,
    base: manifest.base,
    sha256,
    bytes,
    ...system,
    files: manifest.files.map(({ path, mode, owner, text }) => ({
      path,
      mode,
      owner,
      // Of a secret, a digest is enough to try guesses against.
      ...(isPublic(mode) && { sha256: createHash("sha256").update(text).digest("hex") }),
    })),
    links: manifest.links,
  };
}

/** Whether everybody may read a file of that mode, octal digits. */
const isPublic = (mode: string) => (Number.parseInt(mode, 8) & 0o004) !== 0;
