import { createHash } from "node:crypto";
import type { InstalledPackage } from "../../../formats/dpkg-status.ts";
import type { Manifest } from "../manifest/manifest.ts";

/** The packages and programs of an image, kept with the programs layer's disk. */
export interface SystemContents {
  packages: InstalledPackage[];
  programs: { name: string; version: string; path: string; sha256: string }[];
}

/** What is in an image, kept next to it. It has no file's text, because some are secret. */
export interface Contents extends SystemContents {
  name: string;
  board: string;
  architecture: string;
  base: Manifest["base"];
  sha256: string;
  bytes: number;
  /** With the digest of those that every user of the machine may read. */
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
      // A secret's digest would let anyone check guesses.
      ...(isPublic(mode) && { sha256: createHash("sha256").update(text).digest("hex") }),
    })),
    links: manifest.links,
  };
}

/** Whether every user may read a file. @param mode octal digits */
const isPublic = (mode: string) => (Number.parseInt(mode, 8) & 0o004) !== 0;
