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

/** What is added to a file system. */
export interface Additions extends Partial<Pick<Manifest, "users" | "directories" | "files" | "links">> {
  /** Copies of the host's files; root, 0755. */
  programs?: readonly { path: string; copyOf: string }[];
}

/** Where a file's bytes come from. */
export type Content = { text: string } | { copyOf: string };

/** One thing to put into the file system; `replaces` says that something stands there and must go first. */
export type OverlayEntry =
  | ({ type: "directory"; path: string; mode: string; exists: boolean } & Account)
  | ({ type: "file"; path: string; mode: string; replaces: boolean; content: Content } & Account)
  | { type: "link"; path: string; target: string; replaces: boolean };

interface Wanted {
  type: "directory" | "file" | "link";
  path: string;
  mode?: string;
  owner?: string;
  gid?: number;
  target?: string;
  content?: Content;
}

/**
 * The additions in an order that works: parents first, missing parents included.
 * @param image its name, for the error
 * @throws UserError with every fault of the additions' paths, owners and users
 */
export function planOverlay(image: string, additions: Additions, tree: Tree, accounts: AccountFiles): OverlayEntry[] {
  const { files, faults } = addUsers(accounts, additions.users ?? []);
  const owners = accountsOf(files.passwd);
  const groups = groupsOf(files.group);
  const known = new Map(tree);
  const entries: OverlayEntry[] = [];
  const placed = new Set<string>();

  for (const item of [...wantedEntries(additions), ...accountEntries(accounts, files, groups)]) {
    const fault = faultOfPath(item.path) ?? faultOfItem(item, owners);
    if (fault) {
      faults.push(fault);
      continue;
    }
    const place = resolveFolders(known, item.path);
    if (placed.has(place)) faults.push(`${item.path}: named twice`);
    placed.add(place);
    const blocked = addParents(place, known, entries) ?? faultOfPlace(item, known.get(place));
    if (blocked) {
      faults.push(blocked);
      continue;
    }
    entries.push(entryFor(item, place, known.get(place), owners));
    known.set(place, { type: item.type, size: 0, target: item.target ?? "" });
  }
  if (faults.length > 0) throw new UserError(`The image "${image}" can't be built:\n  ${faults.join("\n  ")}`);
  return entries;
}

function wantedEntries({ directories = [], programs = [], files = [], links = [] }: Additions): Wanted[] {
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

function accountEntries(before: AccountFiles, after: AccountFiles, groups: ReadonlyMap<string, number>): Wanted[] {
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

/** debugfs reads paths from a line of words: what would be more than one word, or not a path, is refused. */
function faultOfPath(file: string): string | undefined {
  if (!/^(\/[\w@%+=:,.~\\-]+)+$/.test(file)) {
    return `${JSON.stringify(file)}: not a path that the builder can write (letters, digits and @%+=:,.~\\_- only)`;
  }
  if (file.split("/").some((part) => part === "." || part === "..")) return `${file}: "." or ".." in a path`;
  return undefined;
}

function faultOfItem(item: Wanted, owners: ReadonlyMap<string, Account>): string | undefined {
  if (item.target !== undefined && !/^[\w@%+=:,.~\\/-]+$/.test(item.target)) {
    return `${item.path}: the link's target ${JSON.stringify(item.target)} can't be written`;
  }
  if (item.mode !== undefined && !/^[0-7]{3,4}$/.test(item.mode)) return `${item.path}: "${item.mode}" is not a mode`;
  if (item.owner !== undefined && !owners.has(item.owner)) return `${item.path}: there is no user "${item.owner}"`;
  return undefined;
}

function faultOfPlace(item: Wanted, existing: TreeEntry | undefined): string | undefined {
  if (!existing) return undefined;
  if (item.type === "directory" && existing.type !== "directory") {
    return `${item.path}: should be a directory, but a ${existing.type} stands there`;
  }
  if (item.type !== "directory" && existing.type === "directory") {
    return `${item.path}: should be a ${item.type}, but a directory stands there`;
  }
  return undefined;
}

function addParents(place: string, known: Map<string, TreeEntry>, entries: OverlayEntry[]): string | undefined {
  const parent = path.posix.dirname(place);
  if (parent === "/") return undefined;
  const existing = known.get(parent);
  if (existing) return existing.type === "directory" ? undefined : `${place}: ${parent} is a ${existing.type}`;
  const fault = addParents(parent, known, entries);
  if (fault) return fault;
  entries.push({ type: "directory", path: parent, mode: "0755", exists: false, uid: 0, gid: 0 });
  known.set(parent, { type: "directory", size: 0, target: "" });
  return undefined;
}

function entryFor(
  item: Wanted,
  place: string,
  existing: TreeEntry | undefined,
  owners: ReadonlyMap<string, Account>,
): OverlayEntry {
  const replaces = existing !== undefined;
  if (item.type === "link") return { type: "link", path: place, target: item.target ?? "", replaces };
  const owner = owners.get(item.owner ?? "root") ?? { uid: 0, gid: 0 };
  const access = { mode: item.mode ?? "0755", uid: owner.uid, gid: item.gid ?? owner.gid };
  if (item.type === "directory") return { type: "directory", path: place, ...access, exists: replaces };
  return { type: "file", path: place, ...access, replaces, content: item.content ?? { text: "" } };
}

/**
 * The overlay as commands for debugfs.
 * @param sources for each file of the overlay, the name of its bytes in debugfs's working folder
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
