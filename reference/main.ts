/** `npm run docs`: writes what is made from the schema of the settings and from the registries. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { projectDir } from "../lib/paths.ts";
import { documents } from "./documents.ts";

for (const [file, text] of await documents()) await writeFile(path.join(projectDir, file), text);
