import { open, readFile, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { sha256OfFile, writeFileWhole } from "../lib/files.ts";
import { type Environment, findOnPath, isExecutable } from "../lib/host.ts";
import { cacheDir } from "../lib/paths.ts";
import { run } from "../lib/run.ts";
import type { Tool } from "./versions.ts";

export interface FoundProgram {
  path: string;
  version: string;
  sha256: string;
}

/** The version that a program reports, such as "1.22.2" or "1.22.2-dev"; empty if it reports none. */
export async function askVersion(program: string, signal?: AbortSignal): Promise<string> {
  const answer = await run(program, ["version"], {
    env: { PULUMI_SKIP_UPDATE_CHECK: "true" },
    timeoutMs: 20_000,
    ...(signal && { signal }),
  });
  return /\bv?(\d+\.\d+\.\d+[\w.+-]*)/.exec(answer.split("\n")[0] ?? "")?.[1] ?? "";
}

/**
 * The tool on PATH, if it is there at exactly the pinned version. What it tells is remembered in the cache, unless
 * nothing is to be written.
 */
export async function findTool(
  tool: Tool,
  environment: Environment,
  { remembers = true } = {},
): Promise<FoundProgram | undefined> {
  const found = await findOnPath(tool.name, environment);
  // `piinit env` puts the cache on PATH; what is there is told as being in the cache.
  if (!found || found.startsWith(cacheDir("toolchain") + path.sep)) return undefined;
  const program = await realpath(found);
  if (!(await isItself(program, tool))) return undefined;
  const facts = await factsOf(program, remembers);
  return facts?.version === tool.version ? { path: program, ...facts } : undefined;
}

/**
 * Version managers put a wrapper of the same name on PATH, which may start another version tomorrow
 * and is of no use inside an image: only the program itself counts, with its companions beside it.
 */
async function isItself(program: string, tool: Tool): Promise<boolean> {
  if (path.basename(program) !== tool.name || (await isScript(program))) return false;
  const companions = tool.companions.map((name) => isExecutable(path.join(path.dirname(program), name)));
  return !(await Promise.all(companions)).includes(false);
}

async function isScript(file: string): Promise<boolean> {
  const handle = await open(file, "r");
  try {
    const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return buffer.toString() === "#!";
  } finally {
    await handle.close();
  }
}

const factsSchema = z.object({ size: z.number(), changed: z.number(), version: z.string(), sha256: z.string() });
const memorySchema = z.record(z.string(), factsSchema);

/** What a program on PATH reports about itself, cached as long as its file is the same. */
async function factsOf(program: string, remembers: boolean): Promise<{ version: string; sha256: string } | undefined> {
  const memoryFile = cacheDir("toolchain", "on-path.json");
  const memory = await readMemory(memoryFile);
  const { size, mtimeMs: changed } = await stat(program);
  const known = memory[program];
  if (known && known.size === size && known.changed === changed) return known;

  const version = await askVersion(program).catch(() => undefined);
  if (version === undefined) return undefined;
  const facts = { size, changed, version, sha256: await sha256OfFile(program) };
  if (remembers) await writeFileWhole(memoryFile, JSON.stringify({ ...memory, [program]: facts }));
  return facts;
}

/** An unreadable cache counts as empty: the programs can be asked again. */
async function readMemory(file: string): Promise<z.infer<typeof memorySchema>> {
  try {
    return memorySchema.parse(JSON.parse(await readFile(file, "utf8")));
  } catch {
    return {};
  }
}
