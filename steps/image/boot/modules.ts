import path from "node:path";

/** The text of a kernel's own tables, from /usr/lib/modules/VERSION. */
export interface ModuleTables {
  /** modules.dep: "kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz …" */
  dep: string;
  /** modules.builtin: one path per line. */
  builtin: string;
  /** modules.softdep: "softdep NAME pre: A B post: C". */
  softdep: string;
  /** modules.alias: "alias crc32c crc32c_generic"; what a soft dependency names may be one. */
  alias: string;
}

export interface ModuleClosure {
  /** Paths below /usr/lib/modules/VERSION in the order in which to load them. */
  paths: string[];
  /** Wanted modules that the kernel has neither as a file nor built in. */
  missing: string[];
}

/** A module's one name: files have dashes and endings, requests may have either. */
export function moduleName(file: string): string {
  return path
    .basename(file)
    .replace(/\.ko(\.(xz|zst|gz))?$/, "")
    .replaceAll("-", "_");
}

/** Every module that the wanted ones need, each after all that it depends on. */
export function moduleClosure(wanted: readonly string[], tables: ModuleTables): ModuleClosure {
  const files = parseDependencies(tables.dep);
  const builtin = new Set(tables.builtin.split("\n").filter(Boolean).map(moduleName));
  const soft = parseSoftDependencies(tables.softdep);
  const aliases = parseAliases(tables.alias);
  const loaded = new Set<string>();
  const seen = new Set<string>();

  const add = (name: string): boolean => {
    if (seen.has(name) || builtin.has(name)) return true;
    const file = files.get(name);
    if (!file) return false;
    seen.add(name);
    for (const helper of soft.get(name) ?? []) for (const named of aliases.get(helper) ?? [helper]) add(named);
    for (const dependency of file.needs) add(dependency);
    loaded.add(file.path);
    return true;
  };
  const missing = wanted.filter((name) => !add(moduleName(name)));
  return { paths: [...loaded], missing };
}

function parseDependencies(text: string): Map<string, { path: string; needs: string[] }> {
  const entries = new Map<string, { path: string; needs: string[] }>();
  for (const line of text.split("\n")) {
    const [file, needs] = line.split(":");
    if (!file || needs === undefined) continue;
    // The nearest dependency stands first, so the order of loading is the reverse.
    entries.set(moduleName(file), {
      path: file,
      needs: needs.trim().split(/\s+/).filter(Boolean).map(moduleName).reverse(),
    });
  }
  return entries;
}

/** Only what has to be there before; a module works without its soft dependencies. */
function parseSoftDependencies(text: string): Map<string, string[]> {
  const entries = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [keyword, name, ...words] = line.trim().split(/\s+/);
    if (keyword !== "softdep" || !name) continue;
    const start = words.indexOf("pre:");
    const end = words.indexOf("post:");
    if (start < 0) continue;
    entries.set(moduleName(name), words.slice(start + 1, end > start ? end : undefined).map(moduleName));
  }
  return entries;
}

/** Aliases that are plain names; those with wildcards are for hardware. */
function parseAliases(text: string): Map<string, string[]> {
  const entries = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [keyword, alias, name] = line.split(" ");
    if (keyword !== "alias" || !alias || !name || !/^[\w-]+$/.test(alias)) continue;
    const key = moduleName(alias);
    entries.set(key, [...(entries.get(key) ?? []), moduleName(name)]);
  }
  return entries;
}
