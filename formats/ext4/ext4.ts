import { UserError } from "../../lib/errors.ts";
import { MiB } from "../units.ts";
import { attributesOfBlock, attributesOfInode } from "./attributes.ts";
import { type Layout, type ReadAt, readLayout, readSuperblock } from "./layout.ts";

export type { ReadAt };

/**
 * Reads an ext4 file system without mounting it: owners, modes, hard links, devices and extended attributes as they are,
 * which no program can copy out of it for a user who isn't root. Texts have one character per byte.
 */
export interface Ext4 {
  /** Everything in it, folders before what they hold; the top folder has the path "". */
  walk(): AsyncGenerator<Ext4Entry>;
  /** What has that path, which leads through no symbolic link. */
  find(path: string): Promise<Ext4Entry | undefined>;
  /** The bytes of a regular file, in pieces of at most 1 MiB. */
  content(entry: Ext4Entry): AsyncGenerator<Buffer>;
}

export interface Ext4Entry {
  /** Relative to the top folder. */
  path: string;
  type: "file" | "directory" | "link" | "character" | "block" | "pipe" | "socket";
  /** Permissions with the setuid, setgid and sticky bits. */
  mode: number;
  uid: number;
  gid: number;
  /** Seconds since 1970. */
  time: number;
  size: number;
  /** Names with the same number are the same file. */
  inode: number;
  /** How many names it has. */
  names: number;
  /** Of a symbolic link. */
  target: string;
  /** Of a device. */
  device: { major: number; minor: number };
  attributes: ReadonlyMap<string, string>;
}

const rootInode = 2;

/** Whether the file system was in use when it was copied: its journal has to be played back before it is read. */
export async function needsRecovery(read: ReadAt): Promise<boolean> {
  return ((await readSuperblock(read)).readUInt32LE(0x60) & 0x4) !== 0;
}

/** @throws UserError when it is no ext4, or one with a feature that is not known here */
export async function openExt4(read: ReadAt): Promise<Ext4> {
  const layout = await readLayout(read);
  checkFeatures(layout);
  const inode = inodeReader(read, layout);

  async function* walk(number = rootInode, path = ""): AsyncGenerator<Ext4Entry> {
    const raw = await inode(number);
    const entry = await entryOf(raw, number, path);
    yield entry;
    if (entry.type !== "directory") return;
    for (const child of parseFolder(await wholeContent(raw))) {
      yield* walk(child.inode, path === "" ? child.name : `${path}/${child.name}`);
    }
  }

  async function find(path: string): Promise<Ext4Entry | undefined> {
    let number = rootInode;
    for (const part of path.split("/")) {
      const raw = await inode(number);
      const isFolder = types[raw.readUInt16LE(0) >> 12] === "directory";
      const child = isFolder ? parseFolder(await wholeContent(raw)).find(({ name }) => name === part) : undefined;
      if (!child) return undefined;
      number = child.inode;
    }
    return entryOf(await inode(number), number, path);
  }

  async function entryOf(raw: Buffer, number: number, path: string): Promise<Ext4Entry> {
    const mode = raw.readUInt16LE(0);
    const type = types[mode >> 12];
    if (!type) throw damaged(`inode ${number} (${path}) has the type ${mode >> 12}`);
    return {
      path,
      type,
      mode: mode & 0o7777,
      uid: raw.readUInt16LE(2) + raw.readUInt16LE(0x78) * 2 ** 16,
      gid: raw.readUInt16LE(0x18) + raw.readUInt16LE(0x7a) * 2 ** 16,
      time: raw.readInt32LE(0x10),
      size: type === "file" ? sizeOf(raw) : 0,
      inode: number,
      names: raw.readUInt16LE(0x1a),
      target: type === "link" ? await linkTarget(raw) : "",
      device: deviceOf(raw),
      attributes: new Map([...attributesOfInode(raw), ...(await blockAttributes(raw))]),
    };
  }

  async function blockAttributes(raw: Buffer): Promise<Map<string, string>> {
    const block = raw.readUInt32LE(0x68) + raw.readUInt16LE(0x76) * 2 ** 32;
    return block === 0 ? new Map() : attributesOfBlock(await read(block * layout.blockBytes, layout.blockBytes));
  }

  async function linkTarget(raw: Buffer): Promise<string> {
    const size = sizeOf(raw);
    const isInInode = (raw.readUInt32LE(0x20) & extentsFlag) === 0;
    return (isInInode ? raw.subarray(0x28, 0x28 + size) : await wholeContent(raw)).toString("latin1");
  }

  async function wholeContent(raw: Buffer): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of contentOf(raw)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async function* contentOf(raw: Buffer): AsyncGenerator<Buffer> {
    const size = sizeOf(raw);
    if (size === 0) return;
    if ((raw.readUInt32LE(0x20) & extentsFlag) === 0) throw unknown("files without extents, as ext3 has them");
    let position = 0;
    for await (const extent of extents(raw.subarray(0x28, 0x28 + 60))) {
      yield* zeros(Math.min(extent.logical * layout.blockBytes, size) - position);
      position = Math.max(position, extent.logical * layout.blockBytes);
      const end = Math.min(position + extent.blocks * layout.blockBytes, size);
      for (let offset = extent.physical * layout.blockBytes; position < end; ) {
        const length = Math.min(MiB, end - position);
        yield extent.isWritten ? await read(offset, length) : Buffer.alloc(length);
        position += length;
        offset += length;
      }
    }
    yield* zeros(size - position);
  }

  /** The pieces of a file in their order; `node` begins with an extent header. */
  async function* extents(node: Buffer): AsyncGenerator<Extent> {
    if (node.readUInt16LE(0) !== 0xf30a) throw damaged("a file's list of extents is broken");
    const isLeaf = node.readUInt16LE(6) === 0;
    for (let index = 0; index < node.readUInt16LE(2); index++) {
      const at = 12 + index * 12;
      if (isLeaf) yield parseExtent(node, at);
      else {
        const block = node.readUInt32LE(at + 4) + node.readUInt16LE(at + 8) * 2 ** 32;
        yield* extents(await read(block * layout.blockBytes, layout.blockBytes));
      }
    }
  }

  return {
    walk: () => walk(),
    find,
    content: async function* (entry) {
      yield* contentOf(await inode(entry.inode));
    },
  };
}

const extentsFlag = 0x80000;

const types: Readonly<Record<number, Ext4Entry["type"]>> = {
  1: "pipe",
  2: "character",
  4: "directory",
  6: "block",
  8: "file",
  10: "link",
  12: "socket",
};

interface Extent {
  /** In blocks, from the start of the file and of the file system. */
  logical: number;
  physical: number;
  blocks: number;
  /** False for room that was asked for and never written: it reads as zeros. */
  isWritten: boolean;
}

function parseExtent(node: Buffer, at: number): Extent {
  const length = node.readUInt16LE(at + 4);
  const longest = 32768;
  return {
    logical: node.readUInt32LE(at),
    physical: node.readUInt32LE(at + 8) + node.readUInt16LE(at + 6) * 2 ** 32,
    blocks: length > longest ? length - longest : length,
    isWritten: length <= longest,
  };
}

function* zeros(length: number): Generator<Buffer> {
  for (let left = length; left > 0; left -= MiB) yield Buffer.alloc(Math.min(left, MiB));
}

const sizeOf = (raw: Buffer): number => raw.readUInt32LE(4) + raw.readUInt32LE(0x6c) * 2 ** 32;

/** The old form of a device's number where it fits, else the new one. */
function deviceOf(raw: Buffer): Ext4Entry["device"] {
  const old = raw.readUInt32LE(0x28);
  if (old !== 0) return { major: old >> 8, minor: old & 0xff };
  const number = raw.readUInt32LE(0x2c);
  return { major: (number & 0xfff00) >>> 8, minor: (number & 0xff) | ((number >>> 12) & 0xfff00) };
}

/** The names in a folder; the index that large ones have is made of blocks that look empty. */
function parseFolder(data: Buffer): { name: string; inode: number }[] {
  const entries: { name: string; inode: number }[] = [];
  for (let at = 0; at < data.length; ) {
    const length = data.readUInt16LE(at + 4);
    if (length < 8) throw damaged("a folder's list of names is broken");
    const inode = data.readUInt32LE(at);
    const name = data.toString("latin1", at + 8, at + 8 + data.readUInt8(at + 6));
    if (inode !== 0 && name !== "." && name !== "..") entries.push({ name, inode });
    at += length;
  }
  return entries;
}

/** Incompatible features that are read here, or that change nothing for a reader. */
const knownFeatures = 0x2 | 0x40 | 0x80 | 0x100 | 0x200 | 0x2000 | 0x4000;
const featureNames: Readonly<Record<number, string>> = {
  4: "a journal that was not played back",
  16: "meta_bg",
  1024: "ea_inode",
  32768: "inline_data",
  65536: "encryption",
  131072: "casefold",
};

function checkFeatures({ features: { incompatible } }: Layout): void {
  for (let bit = 1; bit <= 0x20000; bit *= 2) {
    if ((incompatible & bit & ~knownFeatures) !== 0)
      throw unknown(featureNames[bit] ?? `the feature 0x${bit.toString(16)}`);
  }
  if ((incompatible & 0x40) === 0) throw unknown("files without extents, as ext3 has them");
}

/** Reads inodes, a whole group's at a time: a walk needs nearly all of them. */
function inodeReader(read: ReadAt, layout: Layout): (number: number) => Promise<Buffer> {
  const { blockBytes, inodeBytes, inodesPerGroup, groups } = layout;
  const tables = new Map<number, Promise<Buffer>>();
  return async (number) => {
    const group = Math.floor((number - 1) / inodesPerGroup);
    const table = groups[group]?.inodeTable;
    if (table === undefined) throw damaged(`there is no inode ${number}`);
    if (!tables.has(group)) tables.set(group, read(table * blockBytes, inodesPerGroup * inodeBytes));
    const at = ((number - 1) % inodesPerGroup) * inodeBytes;
    return ((await tables.get(group)) as Buffer).subarray(at, at + inodeBytes);
  };
}

function damaged(what: string): UserError {
  return new UserError(`The root file system of the image is damaged: ${what}.`);
}

function unknown(feature: string): UserError {
  return new UserError(`The root file system of the image has ${feature}, which can't be read here.`);
}
