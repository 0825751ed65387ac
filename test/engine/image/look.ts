import assert from "node:assert/strict";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { readPartitions } from "../../../formats/mbr.ts";
import { runOnHost } from "../../../lib/host.ts";

/** What debugfs says about the root file system of a disk image. */
export async function debugfs(image: string, command: string): Promise<string> {
  const [, root] = readPartitions(await firstSector(image)) ?? [];
  assert.ok(root, `${image} has no second partition`);
  const name = `${path.basename(image)}?offset=${root.offset}`;
  return runOnHost("debugfs", ["-R", command, name], { cwd: path.dirname(image) });
}

export async function firstSector(image: string): Promise<Buffer> {
  const handle = await open(image);
  const { buffer } = await handle.read(Buffer.alloc(512), 0, 512, 0);
  await handle.close();
  return buffer;
}

/** The text of a file in it. */
export async function textOf(image: string, file: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "piinit-look-"));
  try {
    const copy = path.join(folder, "copy");
    await debugfs(image, `dump ${file} "${copy}"`);
    return await readFile(copy, "utf8");
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What a folder of it has. */
export async function namesIn(image: string, directory: string): Promise<string[]> {
  const names = (await debugfs(image, `ls -p ${directory}`)).split("\n").flatMap((line) => line.split("/")[5] || []);
  return names.filter((name) => !/^\.{1,2}$/.test(name));
}

/** Kind, mode, user and group of a file in it. */
export async function attributesOf(image: string, file: string): Promise<string> {
  const text = await debugfs(image, `stat ${file}`);
  const found = /Type: (\S+)\s+Mode:\s+(\d+)[\s\S]*User:\s+(\d+)\s+Group:\s+(\d+)/.exec(text);
  assert.ok(found, `${file}: ${text}`);
  return found.slice(1, 5).join(" ");
}
