import path from "node:path";
import { UserError } from "../../../lib/errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import {
  type Account,
  type AccountFile,
  type AccountFiles,
  accountModes,
  accountsOf,
  addUsers,
  groupsOf,
} from "./accounts.ts";
import { resolveFolders, type Tree, type TreeEntry } from "./tree.ts";

/** What to add to a file system. */
export interface Additions extends Partial<Pick<Manifest, "users" | "directories" | "files" | "links">> {
  /** Copies of the host's files; root, 0755. */
  programs?: readonly { path: string; copyOf: string }[];
}

/** The source of a file's content. */
export type Content = { text: string } | { copyOf: string };

/** One entry to write; `replaces` means that an existing one must be removed first. */
export type OverlayEntry =
  | ({ type: "directory"; path: string; mode: string; exists: boolean } & Account)
  | ({ type: "file"; path: string; mode: string; replaces: boolean; content: Content } & Account)
  | { type: "link"; path: string; target: string; replaces: boolean };

interface Addition {
  type: "directory" | "file" | "link";
  path: string;
  mode?: string;
  owner?: string;
  gid?: number;
  target?: string;
  content?: Content;
}

/**
 * The additions in a possible order: parents first, including missing ones.
 * @param image its name, for the error
 * @throws UserError with every fault of the additions' paths, owners and users
 */
export function planOverlay(image: string, additions: Additions, tree: Tree, accounts: AccountFiles): OverlayEntry[] {
  const { files, faults } = addUsers(accounts, additions.users ?? []);
  const owners = accountsOf(files.passwd);
  const groups = groupsOf(files.group);
  const known = new Map(tree);
  const entries: OverlayEntry[] = [];
  const written = new Set<string>();

  for (const item of [...additionsOf(additions), ...accountEntries(accounts, files, groups)]) {
    const fault = faultOfPath(item.path) ?? faultOfItem(item, owners);
    if (fault) {
      faults.push(fault);
      continue;
    }
    const file = resolveFolders(known, item.path);
    if (written.has(file)) faults.push(`${item.path}: named twice`);
    written.add(file);
    const blocked = addParents(file, known, entries) ?? faultOfExisting(item, known.get(file));
    if (blocked) {
      faults.push(blocked);
      continue;
    }
    entries.push(entryFor(item, file, known.get(file), owners));
    known.set(file, { type: item.type, size: 0, target: item.target ?? "" });
  }
  if (faults.length > 0) throw new UserError(`The image "${image}" can't be built:\n  ${faults.join("\n  ")}`);
  return entries;
}

function additionsOf({ directories = [], programs = [], files = [], links = [] }: Additions): Addition[] {
  return [
    ...directories.map((item) => ({ type: "directory" as const, ...item })),
    ...programs.map(({ path, copyOf }) => ({
      type: "file" as const,
      path,
      mode: "0755",
      owner: "root",
      content: { copyOf },
    })),
    ...files.map(({ text, ...item }) => ({ type: "file" as const, ...item, content: { text } })),
    ...links.map((item) => ({ type: "link" as const, ...item })),
  ];
}

function accountEntries(before: AccountFiles, after: AccountFiles, groups: ReadonlyMap<string, number>): Addition[] {
  const names = Object.keys(after) as AccountFile[];
  return names
    .filter((name) => after[name] !== before[name])
    .map((name) => {
      const { mode, owner, group } = accountModes[name];
      return {
        type: "file",
        path: `/etc/${name}`,
        mode,
        owner,
        gid: groups.get(group) ?? 0,
        content: { text: after[name] },
      };
    });
}

/** debugfs splits its command lines into words, so only paths that are one word are accepted. */
function faultOfPath(file: string): string | undefined {
  if (!/^(\/[\w@%+=:,.~\\-]+)+$/.test(file)) {
    return `${JSON.stringify(file)}: not a path that the builder can write (letters, digits and @%+=:,.~\\_- only)`;
  }
  if (file.split("/").some((part) => part === "." || part === "..")) return `${file}: "." or ".." in a path`;
  return undefined;
}

function faultOfItem(item: Addition, owners: ReadonlyMap<string, Account>): string | undefined {
  if (item.target !== undefined && !/^[\w@%+=:,.~\\/-]+$/.test(item.target)) {
    return `${item.path}: the link's target ${JSON.stringify(item.target)} can't be written`;
  }
  if (item.mode !== undefined && !/^[0-7]{3,4}$/.test(item.mode)) return `${item.path}: "${item.mode}" is not a mode`;
  if (item.owner !== undefined && !owners.has(item.owner)) return `${item.path}: there is no user "${item.owner}"`;
  return undefined;
}

function faultOfExisting(item: Addition, existing: TreeEntry | undefined): string | undefined {
  if (!existing) return undefined;
  if (item.type === "directory" && existing.type !== "directory") {
    return `${item.path}: should be a directory, but there is a ${existing.type}`;
  }
  if (item.type !== "directory" && existing.type === "directory") {
    return `${item.path}: should be a ${item.type}, but there is a directory`;
  }
  return undefined;
}

function addParents(file: string, known: Map<string, TreeEntry>, entries: OverlayEntry[]): string | undefined {
  const parent = path.posix.dirname(file);
  if (parent === "/") return undefined;
  const existing = known.get(parent);
  if (existing) return existing.type === "directory" ? undefined : `${file}: ${parent} is a ${existing.type}`;
  const fault = addParents(parent, known, entries);
  if (fault) return fault;
  entries.push({ type: "directory", path: parent, mode: "0755", exists: false, uid: 0, gid: 0 });
  known.set(parent, { type: "directory", size: 0, target: "" });
  return undefined;
}

function entryFor(
  item: Addition,
  file: string,
  existing: TreeEntry | undefined,
  owners: ReadonlyMap<string, Account>,
): OverlayEntry {
  const replaces = existing !== undefined;
  if (item.type === "link") return { type: "link", path: file, target: item.target ?? "", replaces };
  const owner = owners.get(item.owner ?? "root") ?? { uid: 0, gid: 0 };
  const access = { mode: item.mode ?? "0755", uid: owner.uid, gid: item.gid ?? owner.gid };
  if (item.type === "directory") return { type: "directory", path: file, ...access, exists: replaces };
  return { type: "file", path: file, ...access, replaces, content: item.content ?? { text: "" } };
}

/**
 * The debugfs commands that write the overlay.
 * @param sources for each file of the overlay, the name of its content in debugfs's working folder
 * @param time of every entry, seconds since 1970
 */
export function renderCommands(
  entries: readonly OverlayEntry[],
  sources: ReadonlyMap<OverlayEntry, string>,
  time: number,
): string {
  const lines: string[] = [];
  const set = (file: string, field: string, value: string) => lines.push(`set_inode_field ${file} ${field} ${value}`);
  for (const entry of entries) {
    const folder = path.posix.dirname(entry.path);
    const name = path.posix.basename(entry.path);
    if (entry.type === "directory") {
      if (!entry.exists) lines.push(`mkdir ${entry.path}`);
    } else {
      if (entry.replaces) lines.push(`rm ${entry.path}`);
      lines.push(`cd ${folder}`);
      lines.push(entry.type === "link" ? `symlink ${name} ${entry.target}` : `write ${sources.get(entry)} ${name}`);
    }
    if (entry.type === "link") continue;
    const typeBits = entry.type === "directory" ? "04" : "010";
    set(entry.path, "mode", `${typeBits}${entry.mode.padStart(4, "0")}`);
    set(entry.path, "uid", String(entry.uid));
    set(entry.path, "gid", String(entry.gid));
    for (const field of ["atime", "ctime", "mtime", "crtime"]) set(entry.path, field, `@${time}`);
  }
  return lines.map((line) => `${line}\n`).join("");
}
