import { strict as assert } from "node:assert";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { projectDir } from "../../lib/paths.ts";

/** A room of the house, as docs/internals.md has it in its table: a folder, and the rooms that its files may import. */
interface Room {
  folder: string;
  imports: string[];
}

const docs = "docs/internals.md";
/** No code of the product's: packages, declarations for one of them, the tests. */
const otherFolders = ["node_modules", "sdks", "test"];

async function readRooms(): Promise<Room[]> {
  const text = await readFile(path.join(projectDir, docs), "utf8");
  const rows = text.matchAll(/^\| `([\w./-]+?)\/?` \|[^|]+\|([^|]*)\|$/gm);
  return [...rows].map(([, folder = "", imports = ""]) => ({
    folder,
    imports: [...imports.matchAll(/`([\w./-]+?)\/?`/g)].map(([, name = ""]) => name),
  }));
}

/** Each file of the product with the files of ours that it imports. */
async function readImports(): Promise<Map<string, string[]>> {
  const top = await readdir(projectDir, { withFileTypes: true });
  const folders = top.filter(
    (entry) => entry.isDirectory() && !/^\./.test(entry.name) && !otherFolders.includes(entry.name),
  );
  const inside = await Promise.all(
    folders.map(async ({ name }) =>
      (await readdir(path.join(projectDir, name), { recursive: true })).map((file) => path.join(name, file)),
    ),
  );
  const names = [...top.filter((entry) => entry.isFile()).map(({ name }) => name), ...inside.flat()];
  const files = names
    .filter((name) => name.endsWith(".ts"))
    .map(async (name): Promise<[string, string[]]> => {
      const text = await readFile(path.join(projectDir, name), "utf8");
      const imported = [...text.matchAll(/(?:^\s*import|\bfrom|\bimport\()\s*"(\.[^"]+)"/gm)];
      return [name, imported.map(([, to = ""]) => path.join(path.dirname(name), to))];
    });
  return new Map(await Promise.all(files));
}

/** The innermost room that holds the file. */
function roomOf(rooms: readonly Room[], file: string): string {
  const holding = rooms.filter(({ folder }) => file === folder || file.startsWith(`${folder}/`));
  return holding.sort((a, b) => b.folder.length - a.folder.length)[0]?.folder ?? `no room: ${file}`;
}

/** The first way from a file back to itself. */
function circleIn(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const walk = (file: string, way: string[]): string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of imports.get(file) ?? []) {
      const circle = walk(next, [...way, file]);
      if (circle) return circle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const circle = walk(file, []);
    if (circle) return circle;
  }
  return undefined;
}

describe("the rooms of the house", () => {
  let rooms: Room[];
  let imports: Map<string, string[]>;

  before(async () => {
    rooms = await readRooms();
    imports = await readImports();
    assert.ok(rooms.length > 15 && imports.size > 150, `${rooms.length} rooms, ${imports.size} files`);
  });

  it(`are all in the table of ${docs}, each import one that it allows`, () => {
    const allowed = new Map(rooms.map(({ folder, imports }) => [folder, new Set([folder, ...imports])]));
    const faults = [...imports].flatMap(([file, targets]) => {
      const from = roomOf(rooms, file);
      return targets
        .filter((target) => !allowed.get(from)?.has(roomOf(rooms, target)))
        .map((target) => `${file} imports ${target}, but ${from} may not import ${roomOf(rooms, target)}`);
    });
    assert.deepEqual(faults, []);
  });

  it("need every import that the table allows", () => {
    const used = new Set(
      [...imports].flatMap(([file, targets]) =>
        targets.map((target) => `${roomOf(rooms, file)} → ${roomOf(rooms, target)}`),
      ),
    );
    const unused = rooms.flatMap(({ folder, imports }) =>
      imports.map((to) => `${folder} → ${to}`).filter((arrow) => !used.has(arrow)),
    );
    assert.deepEqual(unused, []);
  });

  it("import only rooms that stand above them in the table, so that no circle can be", () => {
    const above = new Set<string>();
    for (const { folder, imports } of rooms) {
      assert.deepEqual(
        imports.filter((name) => !above.has(name)),
        [],
        `imports of ${folder} that don't stand above it`,
      );
      above.add(folder);
    }
  });

  it("have no circle of files", () => {
    assert.equal(circleIn(imports)?.join(" → "), undefined);
    const circle = new Map([
      ["a", ["b"]],
      ["b", ["c"]],
      ["c", ["b"]],
    ]);
    assert.deepEqual(circleIn(circle), ["b", "c", "b"]);
  });

  it("have no name that tools take for output", async () => {
    const folders = new Set([...imports.keys()].flatMap((file) => path.dirname(file).split("/")));
    assert.deepEqual(
      ["build", "dist", "out", "target"].filter((name) => folders.has(name)),
      [],
    );
  });

  it("have no file of more than 300 lines", async () => {
    const names = (await readdir(path.join(projectDir, "test"), { recursive: true })).map((name) => `test/${name}`);
    const tests = names.filter((name) => name.endsWith(".ts"));
    const long: string[] = [];
    for (const name of [...imports.keys(), ...tests]) {
      const lines = (await readFile(path.join(projectDir, name), "utf8")).split("\n").length - 1;
      if (lines > 300) long.push(`${name}: ${lines} lines`);
    }
    assert.deepEqual(long, []);
  });
});
