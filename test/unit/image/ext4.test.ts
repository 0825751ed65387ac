import assert from "node:assert/strict";
import { link, mkdir, mkdtemp, open, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Ext4, type Ext4Entry, needsRecovery, openExt4, type ReadAt } from "../../../formats/ext4/ext4.ts";
import { MiB } from "../../../formats/units.ts";
import { runOnHost } from "../../../lib/host.ts";

describe("a file system that is read without mounting it", () => {
  let folder: string;
  const opened: { close(): Promise<void> }[] = [];
  const random = Buffer.from(Array.from({ length: 3 * MiB + 17 }, (_, index) => (index * 2654435761) >>> 24));

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "piinit-ext4-"));
    const source = path.join(folder, "source");
    await mkdir(path.join(source, "many"), { recursive: true });
    await writeFile(path.join(source, "file"), "hello\n");
    await writeFile(path.join(source, "large"), random);
    await writeFile(path.join(source, "empty"), "");
    await writeFile(path.join(source, "hole"), "");
    await truncate(path.join(source, "hole"), 2 * MiB);
    const handle = await open(path.join(source, "hole"), "r+");
    await handle.write("x", MiB + 5);
    await handle.close();
    await link(path.join(source, "file"), path.join(source, "many", "again"));
    await symlink("../file", path.join(source, "short"));
    await symlink("x".repeat(200), path.join(source, "long"));
    // So many names that the folder has an index.
    for (let index = 0; index < 600; index++)
      await writeFile(path.join(source, "many", `a file with number ${index}`), "");
  });
  after(async () => {
    for (const handle of opened) await handle.close();
    await rm(folder, { recursive: true });
  });

  /** The source in a file system that was made with these options, then changed by debugfs. */
  async function make(options: string[], commands = ""): Promise<ReadAt> {
    const disk = path.join(folder, `disk-${opened.length}`);
    await writeFile(disk, "");
    await truncate(disk, 40 * MiB);
    await runOnHost("mke2fs", ["-q", "-F", ...options, "-d", path.join(folder, "source"), disk]);
    await runOnHost("debugfs", ["-w", "-f", "-", disk], { input: commands });
    const handle = await open(disk, "r");
    opened.push(handle);
    return async (offset, length) => (await handle.read(Buffer.alloc(length), 0, length, offset)).buffer;
  }

  async function contentOf(fileSystem: Ext4, entry: Ext4Entry): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of fileSystem.content(entry)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async function all(fileSystem: Ext4): Promise<Map<string, Ext4Entry>> {
    const entries = new Map<string, Ext4Entry>();
    for await (const entry of fileSystem.walk()) entries.set(entry.path, entry);
    return entries;
  }

  for (const options of [
    ["-t", "ext4", "-b", "4096"],
    ["-t", "ext4", "-b", "1024", "-O", "^64bit,^metadata_csum,^flex_bg"],
    ["-t", "ext4", "-b", "2048", "-I", "128"],
  ]) {
    it(`shows every name with its bytes, holes and links: mke2fs ${options.join(" ")}`, async () => {
      const fileSystem = await openExt4(await make(options));
      const entries = await all(fileSystem);
      const get = (name: string) => entries.get(name) ?? assert.fail(`no ${name}`);
      const names = [...entries.keys()].filter((name) => !name.startsWith("many/a file")).sort();
      assert.deepEqual(
        names,
        ["", "empty", "file", "hole", "large", "long", "lost+found", "many", "many/again", "short"].sort(),
      );
      assert.equal([...entries.keys()].filter((name) => name.startsWith("many/a file with")).length, 600);
      assert.equal(String(await contentOf(fileSystem, get("file"))), "hello\n");
      assert.ok((await contentOf(fileSystem, get("large"))).equals(random));
      const hole = Buffer.alloc(2 * MiB);
      hole.write("x", MiB + 5);
      assert.ok((await contentOf(fileSystem, get("hole"))).equals(hole));
      assert.equal((await contentOf(fileSystem, get("empty"))).length, 0);
      assert.deepEqual([get("short").target, get("long").target], ["../file", "x".repeat(200)]);
      assert.deepEqual([get("file").inode, get("file").names], [get("many/again").inode, 2]);
    });
  }

  it("shows owners of any number, all bits of a mode, devices of any number, and attributes", async () => {
    const commands = [
      "set_inode_field file uid 1000",
      "set_inode_field file gid 70000",
      "set_inode_field file mode 0104755",
      "ea_set file security.capability abc",
      `ea_set large user.much ${"y".repeat(500)}`,
      "mknod null c 1 3",
      "mknod disk b 259 300",
      "mknod fifo p",
    ];
    const fileSystem = await openExt4(await make(["-t", "ext4"], `${commands.join("\n")}\n`));
    const entries = await all(fileSystem);
    const { uid, gid, mode, attributes } = entries.get("file") as Ext4Entry;
    assert.deepEqual([uid, gid, mode, [...attributes]], [1000, 70000, 0o4755, [["security.capability", "abc"]]]);
    assert.deepEqual([...(entries.get("large")?.attributes ?? [])], [["user.much", "y".repeat(500)]]);
    const deviceOf = (name: string) => [entries.get(name)?.type, entries.get(name)?.device];
    assert.deepEqual(deviceOf("null"), ["character", { major: 1, minor: 3 }]);
    assert.deepEqual(deviceOf("disk"), ["block", { major: 259, minor: 300 }]);
    assert.equal(entries.get("fifo")?.type, "pipe");
  });

  it("finds one file by its path", async () => {
    const fileSystem = await openExt4(await make(["-t", "ext4"]));
    assert.equal((await fileSystem.find("many/again"))?.size, 6);
    for (const path of ["nothing", "many/nothing", "file/nothing"])
      assert.equal(await fileSystem.find(path), undefined, path);
  });

  it("is refused when it is none, or has what can't be read here", async () => {
    await assert.rejects(
      openExt4(async (_, length) => Buffer.alloc(length)),
      /holds no ext4/,
    );
    await assert.rejects(openExt4(await make(["-t", "ext3"])), /files without extents/);
    await assert.rejects(openExt4(await make(["-t", "ext4", "-O", "inline_data"])), /has inline_data, which can't be/);
  });

  it("tells that it was in use when it was copied", async () => {
    const used = await make(["-t", "ext4"], "feature needs_recovery\n");
    assert.equal(await needsRecovery(used), true);
    await assert.rejects(openExt4(used), /a journal that was not played back/);
    assert.equal(await needsRecovery(await make(["-t", "ext4"])), false);
  });
});
