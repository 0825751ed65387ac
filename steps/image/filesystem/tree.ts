import path from "node:path";
import type { Ext4Entry } from "../../../formats/ext4/ext4.ts";

/** An entry of the file system before the manifest's own files are added. */
export interface TreeEntry {
  type: "directory" | "file" | "link" | "other";
  /** Bytes. */
  size: number;
  /** Of a link. */
  target: string;
}

/** By absolute path, without the root folder. */
export type Tree = ReadonlyMap<string, TreeEntry>;

const types: Readonly<Record<string, TreeEntry["type"]>> = { d: "directory", f: "file", l: "link" };

/** Parses the packages layer's list of records "TYPE MODE USER GROUP SIZE PATH\0TARGET\0". */
export function parseTree(text: string): Map<string, TreeEntry> {
  const tree = new Map<string, TreeEntry>();
  const fields = text.split("\0");
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [type = "", , , , size, ...name] = (fields[index] ?? "").split(" ");
    tree.set(`/${name.join(" ")}`, {
      type: types[type] ?? "other",
      size: Number(size),
      target: fields[index + 1] ?? "",
    });
  }
  return tree;
}

/** Records of the same list for added entries. */
export function listEntries(entries: readonly { type: Ext4Entry["type"]; path: string }[]): string {
  return entries.map(({ type, path: file }) => `${type[0]} - - - 0 ${file.slice(1)}\0\0`).join("");
}

/** Resolves symbolic links in a path's folders, e.g. /lib/systemd → /usr/lib/systemd, but not in its last part. */
export function resolveFolders(tree: Tree, file: string): string {
  let resolved = "/";
  const parts = path.posix.normalize(file).split("/").filter(Boolean);
  const last = parts.pop() ?? "";
  for (const part of parts) resolved = followLink(tree, path.posix.join(resolved, part), 0);
  return path.posix.join(resolved, last);
}

const deepestLink = 40;

function followLink(tree: Tree, file: string, depth: number): string {
  const entry = tree.get(file);
  if (entry?.type !== "link") return file;
  if (depth > deepestLink) throw new Error(`too many symbolic links at ${file}`);
  const target = path.posix.resolve(path.posix.dirname(file), entry.target);
  const resolved = resolveFolders(tree, target);
  return followLink(tree, resolved, depth + 1);
}
