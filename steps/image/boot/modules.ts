import path from "node:path";

/** The text of a kernel's tables in /usr/lib/modules/VERSION. */
export interface ModuleTables {
  /** modules.dep: "kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz …" */
  dep: string;
  /** modules.builtin: one path per line. */
  builtin: string;
  /** modules.softdep: "softdep NAME pre: A B post: C". */
  softdep: string;
  /** modules.alias: "alias crc32c crc32c_generic"; soft dependencies may name aliases. */
  alias: string;
}

export interface ModuleClosure {
  /** Paths below /usr/lib/modules/VERSION, in loading order. */
  paths: string[];
  /** Requested modules that the kernel has neither as a file nor built in. */
  missing: string[];
}

/** A module's canonical name, from a file name or a name with dashes. */
export function moduleName(file: string): string {
  return path
    .basename(file)
    .replace(/\.ko(\.(xz|zst|gz))?$/, "")
    .replaceAll("-", "_");
}

/** The requested modules and all that they need, each after its dependencies. */
export function moduleClosure(requested: readonly string[], tables: ModuleTables): ModuleClosure {
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
  const missing = requested.filter((name) => !add(moduleName(name)));
  return { paths: [...loaded], missing };
}

function parseDependencies(text: string): Map<string, { path: string; needs: string[] }> {
  const entries = new Map<string, { path: string; needs: string[] }>();
  for (const line of text.split("\n")) {
    const [file, needs] = line.split(":");
    if (!file || needs === undefined) continue;
    // The nearest dependency comes first, so the loading order is the reverse.
    entries.set(moduleName(file), {
      path: file,
      needs: needs.trim().split(/\s+/).filter(Boolean).map(moduleName).reverse(),
    });
  }
  return entries;
}

/** Only "pre" dependencies. A module works without its soft dependencies. */
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

/** Only aliases that are plain names; those with wildcards describe hardware. */
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
