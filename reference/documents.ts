import { readFile } from "node:fs/promises";
import path from "node:path";
import { settingsShape } from "../components/schema/json-schema.ts";
import { projectDir } from "../lib/paths.ts";
import { stackFileSchema } from "./editor.ts";
import { settingsReference } from "./settings.ts";
import { boardTable, roleTable } from "./tables.ts";

/** Each file that `npm run docs` writes, relative to the project, with its text. */
export async function documents(): Promise<Map<string, string>> {
  const shape = settingsShape();
  return new Map([
    ["docs/settings.md", settingsReference(shape)],
    ["stacks/schema.json", `${JSON.stringify(stackFileSchema(shape), undefined, 2)}\n`],
    ["docs/roles.md", await withTable("docs/roles.md", "roles", roleTable())],
    ["docs/hardware.md", await withTable("docs/hardware.md", "boards", boardTable())],
  ]);
}

/** A document of ours with the table in it made anew, between two comments that a reader doesn't see. */
async function withTable(file: string, name: string, table: string): Promise<string> {
  const text = await readFile(path.join(projectDir, file), "utf8");
  const [start, end] = [`<!-- ${name}: made by npm run docs -->\n`, `<!-- end of ${name} -->\n`];
  const [before, rest] = text.split(start);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`${file} has no place for the table ${name}`);
  return `${before}${start}${table}${end}${after}`;
}
