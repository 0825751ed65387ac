import { createHash } from "node:crypto";
import { UserError } from "../lib/errors.ts";

/**
 * Which blocks of a disk image have to be on a card, in the bmap format that bmaptool has made common: the others may hold
 * anything there. Version 2.0 is written, 1.2 to 2.0 are read.
 */
export interface BlockMap {
  imageBytes: number;
  blockBytes: number;
  /** Ascending, none with a block of another. */
  ranges: BlockRange[];
}

export interface BlockRange {
  /** Numbers of blocks, both inclusive. */
  first: number;
  last: number;
  /** Of the image's bytes in these blocks; versions before 1.3 have none. */
  checksum?: Checksum | undefined;
}

export interface Checksum {
  algorithm: Algorithm;
  /** Lower case. */
  hex: string;
}

export type Algorithm = "sha1" | "sha256" | "sha512";

const hexDigits: Readonly<Record<Algorithm, number>> = { sha1: 40, sha256: 64, sha512: 128 };

const pageBytes = 4096;

/** Beside an image under this name it is found by bmaptool too. */
export const blockMapFileOf = (image: string): string => image.replace(/\.img(\.xz|\.zst)?$/, ".bmap");

export const mappedBlocks = ({ ranges }: BlockMap): number =>
  ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);

const blocksOf = ({ imageBytes, blockBytes }: BlockMap): number => Math.ceil(imageBytes / blockBytes);

/** The map as a file of version 2.0; each range has a SHA-256. */
export function renderBlockMap(map: BlockMap): string {
  const unset = "0".repeat(hexDigits.sha256);
  const ranges = map.ranges.map(({ first, last, checksum }) => {
    const blocks = first === last ? `${first}` : `${first}-${last}`;
    return `        <Range chksum="${checksum?.hex}"> ${blocks} </Range>`;
  });
  const text = `<?xml version="1.0" ?>
<!-- The blocks of a disk image that have to be written to a card; the others may hold anything there. -->
<bmap version="2.0">
    <ImageSize> ${map.imageBytes} </ImageSize>
    <BlockSize> ${map.blockBytes} </BlockSize>
    <BlocksCount> ${blocksOf(map)} </BlocksCount>
    <MappedBlocksCount> ${mappedBlocks(map)} </MappedBlocksCount>
    <ChecksumType> sha256 </ChecksumType>
    <!-- Of this file, with zeros in its own place. -->
    <BmapFileChecksum> ${unset} </BmapFileChecksum>
    <BlockMap>
${ranges.join("\n")}
    </BlockMap>
</bmap>
`;
  return text.replace(unset, hash("sha256", text));
}

/**
 * Reads a block map; `name` is the file's, for the errors.
 * @throws UserError when it is no block map, a damaged one, or one that contradicts itself
 */
export function parseBlockMap(text: string, name: string): BlockMap {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    throw new UserError(
      `The block map ${name} can't be used: ${error.message}. Get it again, or remove it: then the whole image is written.`,
    );
  }
}

class Unusable extends Error {}

function parse(text: string): BlockMap {
  const bare = text.replaceAll(/<!--[\s\S]*?-->/g, "");
  const textOf = (element: string) => new RegExp(`<${element}>\\s*([^<]*?)\\s*</${element}>`).exec(bare)?.[1] ?? "";
  const numberOf = (element: string) => {
    if (!/^\d{1,15}$/.test(textOf(element))) throw new Unusable(`it has no ${element}`);
    return Number(textOf(element));
  };
  const version = versionOf(bare);
  const algorithm = algorithmOf(version, textOf("ChecksumType"));
  const ownSum = textOf(version === 103 ? "BmapFileSHA1" : "BmapFileChecksum");
  if (algorithm && !isOwnSum(text, ownSum, algorithm)) throw new Unusable("its checksum is wrong, so it is damaged");
  const map: BlockMap = {
    imageBytes: numberOf("ImageSize"),
    blockBytes: numberOf("BlockSize"),
    ranges: parseRanges(bare, algorithm),
  };
  // A card is written in pages, and what is beside a smaller block must not be lost.
  if (map.blockBytes === 0 || map.blockBytes % pageBytes !== 0) {
    throw new Unusable(`its blocks have ${map.blockBytes} bytes, not a multiple of ${pageBytes}`);
  }
  if (!isSound(map, numberOf("BlocksCount"), numberOf("MappedBlocksCount"))) {
    throw new Unusable("its numbers contradict each other");
  }
  return map;
}

/** 103 for version 1.3. */
function versionOf(text: string): number {
  const found = /<bmap\s+version\s*=\s*["'](\d+)\.(\d+)["']\s*>/.exec(text);
  if (!found) throw new Unusable("it isn't one");
  const version = Number(found[1]) * 100 + Number(found[2]);
  if (version >= 300) throw new Unusable(`its version ${found[1]}.${found[2]} is not known`);
  return version;
}

function isSound(map: BlockMap, blocks: number, mapped: number): boolean {
  const { ranges } = map;
  const ends = ranges.map(({ last }) => last);
  return (
    blocks === blocksOf(map) &&
    mapped === mappedBlocks(map) &&
    ranges.every(({ first, last }, index) => first <= last && first > (ends[index - 1] ?? -1)) &&
    (ends.at(-1) ?? -1) < blocks
  );
}

/** Versions 1.4 and 2.0 are the same but for their number. */
function algorithmOf(version: number, type: string): Algorithm | undefined {
  if (version < 103) return undefined;
  if (version === 103) return "sha1";
  const known = (Object.keys(hexDigits) as Algorithm[]).find((name) => name === type.toLowerCase());
  if (!known) throw new Unusable(`its checksums are ${type || "of no kind"}, which is not known`);
  return known;
}

function isOwnSum(text: string, sum: string, algorithm: Algorithm): boolean {
  if (sum.length !== hexDigits[algorithm]) return false;
  return hash(algorithm, text.replace(sum, "0".repeat(sum.length))) === sum.toLowerCase();
}

const range = /<Range([^>]*)>\s*(\d{1,15})(?:\s*-\s*(\d{1,15}))?\s*<\/Range>/g;

function parseRanges(text: string, algorithm: Algorithm | undefined): BlockRange[] {
  const list = /<BlockMap>([\s\S]*)<\/BlockMap>/.exec(text)?.[1];
  if (list?.replaceAll(range, "").trim() !== "") throw new Unusable("its list of ranges can't be read");
  return [...list.matchAll(range)].map(([, attributes = "", first, last = first]) => ({
    first: Number(first),
    last: Number(last),
    ...(algorithm && checksumOf(attributes, algorithm)),
  }));
}

/** Version 1.3 calls the attribute by the name of its algorithm. */
function checksumOf(attributes: string, algorithm: Algorithm): Pick<BlockRange, "checksum"> {
  const hex = /\b(?:chksum|sha1)\s*=\s*["']([^"']*)["']/.exec(attributes)?.[1]?.toLowerCase();
  if (hex === undefined) return {};
  if (hex.length !== hexDigits[algorithm]) throw new Unusable("a range's checksum is cut off");
  return { checksum: { algorithm, hex } };
}

const hash = (algorithm: Algorithm, text: string): string => createHash(algorithm).update(text).digest("hex");
