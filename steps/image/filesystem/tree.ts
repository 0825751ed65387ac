import path from "node:path";
import type { Ext4Entry } from "../../../formats/ext4/ext4.ts";

/** What the file system holds before the manifest's own files come in. */
export interface TreeEntry {
  type: "directory" | "file" | "link" | "other";
  /** Bytes. */
  size: number;
  /** Of a link. */
  target: string;
}

/** By absolute path; the top folder itself is not in it. */
export type Tree = ReadonlyMap<string, TreeEntry>;

const types: Readonly<Record<string, TreeEntry["type"]>> = { d: "directory", f: "file", l: "link" };

/** Reads the list that the packages layer writes: "TYPE MODE USER GROUP SIZE PATH\0TARGET\0" again and again. */
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

/** Lines of the same list for what was added to the file system. */
export function listEntries(entries: readonly { type: Ext4Entry["type"]; path: string }[]): string {
  return entries.map(({ type, path: file }) => `${type[0]} - - - 0 ${file.slice(1)}\0\0`).join("");
}

/** The same path without a symbolic link in its folders, e.g. /lib/systemd → /usr/lib/systemd. The last part stays. */
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
